//! The blocks that are alive: what each is, where its bytes come from, whether a frame saw it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use geoheap::{
    AddError, BlockDesc, Client, Handle, PartData, Payload, Pending, SendError, Version,
};
use glam::Vec3;

use crate::content::mesh::{Indices, MeshBuilder, MeshData, VERTEX_STRIDE_BYTES};
use crate::content::scene::ObjectId;
use crate::content::ui;
use crate::draw_list::Kind;

/// The name of a block. Ordered, so that walks over all blocks go the same way in every run (D1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The stand-in for ground.
    StandInGround,
    /// The stand-in for what stands on it.
    StandInObject,
    /// A piece of the user interface.
    Interface(super::interface::Piece),
    /// A model, by its place in the list of models.
    Model(u32),
    /// Ground or grove.
    Streamed(ObjectId),
}

impl Key {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::StandInGround | Self::StandInObject => Kind::StandIn,
            Self::Interface(_) => Kind::Interface,
            Self::Model(_) => Kind::Model,
            Self::Streamed(ObjectId::Tile(_)) => Kind::Ground,
            Self::Streamed(ObjectId::Grove(..)) => Kind::Grove,
        }
    }

    /// Whether it must always be there.
    pub fn is_long_lived(&self) -> bool {
        matches!(self.kind(), Kind::StandIn | Kind::Interface)
    }

    /// The label of its block: the kind's name, a colon, and the rest. The heap view finds the
    /// kind by it.
    pub fn label(&self) -> String {
        let kind = self.kind().name();
        match self {
            Self::StandInGround => format!("{kind}: ground"),
            Self::StandInObject => format!("{kind}: object"),
            Self::Interface(piece) => format!("{kind}: {piece:?}"),
            Self::Model(index) => format!("{kind}: {index}"),
            Self::Streamed(id) => format!("{kind}: {id}"),
        }
    }
}

/// What a frame drew so many lists ago counts as in sight.
const IN_SIGHT_LISTS: u64 = 30;

/// A replacement of a block's contents that is under way.
#[derive(Debug)]
pub(super) enum Replacing {
    /// The question when it is through found the mailbox full.
    Unasked,
    /// The engine will say.
    Waiting(Pending<Version>),
}

/// Where the bytes come from that a read-back is compared with (D4).
#[derive(Clone, Debug)]
pub enum Expected {
    /// The very mesh that was handed over.
    Kept(Arc<MeshData>),
    /// Made again by the scene.
    Rebuilt,
}

/// A block that is alive.
#[derive(Debug)]
pub struct Block {
    /// Its handle.
    pub handle: Handle,
    /// Bytes of its parts.
    pub bytes: usize,
    /// How often its contents were replaced. Read by the reload callback, so that what comes back
    /// is the newest.
    pub revision: Arc<AtomicU32>,
    /// What a read-back must give.
    pub expected: Expected,
    /// The last list that names it.
    pub last_listed: u64,
    /// The last two lists that draw it.
    pub(super) drawn_in: [u64; 2],
    /// Whether a frame found it in GPU memory once. It may have been evicted since.
    pub has_arrived: bool,
    /// Whether the last lookup of a frame found it out of GPU memory.
    pub away: bool,
    /// The last replacement of the contents, until it was published.
    pub(super) replacing: Option<Replacing>,
}

impl Block {
    /// Whether it can be drawn, as far as is known.
    pub fn is_there(&self) -> bool {
        self.has_arrived && !self.away
    }

    /// A list draws it.
    pub(super) fn draw_in(&mut self, sequence: u64) {
        self.last_listed = sequence;
        self.drawn_in = [sequence, self.drawn_in[0]];
    }

    /// A frame missed it. Returns whether another drew it not long before, so that it left GPU
    /// memory in between although it was in sight.
    pub(super) fn is_missed(&mut self) -> bool {
        let [missed, before] = self.drawn_in;
        let was_there = self.is_there() && before > 0;
        self.away = true;
        was_there && missed - before <= IN_SIGHT_LISTS
    }

    /// Whether no replacement of its contents is under way.
    pub fn is_settled(&self) -> bool {
        self.replacing.is_none()
    }

    /// Takes the engine's answers if there are any.
    pub(super) fn poll(&mut self, client: &Client) {
        match &mut self.replacing {
            None => {}
            Some(Replacing::Unasked) => {
                self.replacing = client
                    .flush()
                    .ok()
                    .map(Replacing::Waiting)
                    .or(Some(Replacing::Unasked));
            }
            Some(Replacing::Waiting(pending)) => match pending.try_take() {
                None => {}
                Some(Ok(_)) => self.replacing = None,
                Some(Err(error)) => {
                    tracing::warn!(%error, handle = %self.handle, "contents not replaced");
                    self.replacing = None;
                }
            },
        }
    }
}

/// A mesh's vertices as the engine's payload, without a copy.
struct VertexBytes(Arc<MeshData>);

impl AsRef<[u8]> for VertexBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.vertex_bytes()
    }
}

/// A mesh's indices as the engine's payload, without a copy.
struct IndexBytes(Arc<MeshData>);

impl AsRef<[u8]> for IndexBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.index_bytes()
    }
}

/// The payloads of a mesh: vertices, indices.
pub fn payloads(mesh: &Arc<MeshData>) -> Vec<Payload> {
    vec![
        Payload::owned(VertexBytes(Arc::clone(mesh))),
        Payload::owned(IndexBytes(Arc::clone(mesh))),
    ]
}

/// The parts of a mesh: vertices, indices.
pub(super) fn parts(mesh: &Arc<MeshData>) -> [PartData; 2] {
    let stride = u32::try_from(VERTEX_STRIDE_BYTES).expect("twenty bytes");
    let vertices = Payload::owned(VertexBytes(Arc::clone(mesh)));
    let indices = Payload::owned(IndexBytes(Arc::clone(mesh)));
    let indices = match mesh.indices {
        Indices::U16(_) => PartData::index_u16(indices),
        Indices::U32(_) => PartData::index_u32(indices),
    };
    [PartData::vertex(vertices, stride), indices]
}

/// A block of a mesh's two parts.
pub(super) fn describe(mesh: &Arc<MeshData>) -> BlockDesc {
    let [vertices, indices] = parts(mesh);
    BlockDesc::new().part(vertices).part(indices)
}

/// Whether adding failed only for now: the mailbox is full, or there is no device.
pub(super) fn add_failed_for_now(error: &AddError) -> bool {
    matches!(
        error,
        AddError::DeviceLost
            | AddError::Send(SendError::MailboxFull { .. } | SendError::Deadline { .. })
    )
}

/// Whether a request failed only because the mailbox is full.
pub(super) fn is_full(error: &SendError) -> bool {
    matches!(
        error,
        SendError::MailboxFull { .. } | SendError::Deadline { .. }
    )
}

/// What is drawn for ground that is not there: a patch of one metre.
pub(super) fn stand_in_ground() -> MeshData {
    ui::fallback_patch()
}

/// What is drawn for things that are not there: a box with sides of one metre on the ground.
pub(super) fn stand_in_object() -> MeshData {
    let mut builder = MeshBuilder::new();
    let colour = [196, 190, 178, 255];
    let corner = |x: f32, y: f32, z: f32| Vec3::new(x - 0.5, y, z - 0.5);
    let sides = [
        [(0., 0., 1.), (1., 0., 1.), (1., 1., 1.), (0., 1., 1.)],
        [(1., 0., 0.), (0., 0., 0.), (0., 1., 0.), (1., 1., 0.)],
        [(1., 0., 1.), (1., 0., 0.), (1., 1., 0.), (1., 1., 1.)],
        [(0., 0., 0.), (0., 0., 1.), (0., 1., 1.), (0., 1., 0.)],
        [(0., 1., 1.), (1., 1., 1.), (1., 1., 0.), (0., 1., 0.)],
    ];
    for side in sides {
        builder.flat_quad(side.map(|(x, y, z)| corner(x, y, z)), colour);
    }
    builder.finish()
}
