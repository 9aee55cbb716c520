//! What the geometry thread leaves for each frame: which handles to draw, and where.
//!
//! A list is immutable and shared by `Arc`; it holds handles and a few numbers, never vertex
//! bytes. The frame narrows it to what its own camera sees ([`FramePlan`]), which fixes the place
//! of every instance before the render threads begin.

use std::ops::Range;
use std::sync::Arc;

use geoheap::Handle;
use glam::Vec3;

use crate::content::camera::Frustum;
use crate::content::mesh::Bounds;

/// What a block is, for drawing, for the heap view and for the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A piece of ground.
    Ground,
    /// What stands on a piece of ground, merged.
    Grove,
    /// A model of the user's, shared by its instances.
    Model,
    /// The user interface.
    Interface,
    /// A stand-in for what is not resident.
    StandIn,
}

impl Kind {
    /// All kinds in the order of the heap view's legend.
    pub const ALL: [Self; 5] = [
        Self::Ground,
        Self::Grove,
        Self::Model,
        Self::Interface,
        Self::StandIn,
    ];

    /// The word for it in pictures and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ground => "ground",
            Self::Grove => "grove",
            Self::Model => "model",
            Self::Interface => "interface",
            Self::StandIn => "stand-in",
        }
    }
}

/// Where one instance of a mesh stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// World metres; pixels from the upper left corner for the user interface.
    pub at: Vec3,
    /// Factors along the mesh's own axes.
    pub size: Vec3,
    /// Radians about the vertical axis (about the depth axis for the user interface).
    pub turn: f32,
    /// An sRGB colour that multiplies the mesh's.
    pub tint: [u8; 4],
}

impl Placement {
    /// At a place, in the mesh's own size, direction and colour.
    pub fn at(at: Vec3) -> Self {
        Self {
            at,
            size: Vec3::ONE,
            turn: 0.0,
            tint: [255; 4],
        }
    }
}

/// One draw: a block and its instances.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The block.
    pub handle: Handle,
    /// What it is.
    pub kind: Kind,
    /// The box around all instances in world metres; not used for the user interface.
    pub bounds: Bounds,
    /// Its instances in [`DrawList::placements`].
    pub placements: Range<u32>,
    /// Where a stand-in goes.
    pub stand_in: Placement,
}

/// The long-lived blocks that stand in for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandIns {
    /// For ground: a patch of unit sides around the origin.
    pub ground: Handle,
    /// For all that stands on it: a box of unit sides on the origin.
    pub object: Handle,
}

/// Everything that a frame may draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrawList {
    /// Counts the lists from 1; 0 is the empty one before the first.
    pub sequence: u64,
    /// Solid things in the order of their names, then the user interface.
    pub items: Vec<Item>,
    /// The instances of all items.
    pub placements: Vec<Placement>,
    /// What to draw for items that are not resident; `None` leaves them out.
    pub stand_ins: Option<StandIns>,
    /// Blocks that are looked up and not drawn: what should come back, and what is to be there
    /// when something finer goes.
    pub watched: Vec<Handle>,
    /// Things that were to be drawn, and are left to something coarser because they were away, or
    /// have not come yet.
    pub replaced: u32,
    /// Of these, those that were there before.
    pub away: u32,
}

/// What lookups told of blocks: those drawn that were away, and those watched that were there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    /// Not in GPU memory.
    pub away: Vec<Handle>,
    /// In GPU memory.
    pub there: Vec<Handle>,
}

impl Sightings {
    /// Takes another's in.
    pub fn append(&mut self, mut other: Self) {
        self.away.append(&mut other.away);
        self.there.append(&mut other.there);
    }
}

/// An item that a frame draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its place in [`DrawList::items`].
    pub item: u32,
    /// Its first instance in the frame's instance buffer. The stand-in's instance follows the
    /// item's own.
    pub first_instance: u32,
}

/// What one frame draws: the part of a list that its camera sees.
#[derive(Clone, Debug)]
pub struct FramePlan {
    /// The list.
    pub list: Arc<DrawList>,
    /// Solid things in view, in the order of the list.
    pub solid: Vec<Planned>,
    /// The user interface, in the order of the list.
    pub flat: Vec<Planned>,
    /// Instances in all, stand-ins' among them.
    pub instance_count: u32,
}

impl FramePlan {
    /// Keeps what `frustum` sees of `list`, and all of the user interface.
    pub fn new(list: Arc<DrawList>, frustum: &Frustum) -> Self {
        let mut solid = Vec::with_capacity(list.items.len());
        let mut flat = Vec::new();
        let mut next = 0;
        for (index, item) in (0..).zip(&list.items) {
            let target = match item.kind {
                Kind::Interface => &mut flat,
                _ if frustum.sees(&item.bounds) => &mut solid,
                _ => continue,
            };
            target.push(Planned {
                item: index,
                first_instance: next,
            });
            next += item.placements.end - item.placements.start + 1;
        }
        Self {
            list,
            solid,
            flat,
            instance_count: next,
        }
    }

    /// All instances in the order in which [`Planned::first_instance`] counts them.
    pub fn placements(&self) -> impl Iterator<Item = (Kind, &Placement)> {
        // Both lists ascend in `first_instance`, and the user interface ends the list of items,
        // so that one after the other is the order of the numbers.
        self.solid.iter().chain(&self.flat).flat_map(|planned| {
            let item = &self.list.items[planned.item as usize];
            let range = item.placements.start as usize..item.placements.end as usize;
            let own = self.list.placements[range]
                .iter()
                .map(|placement| (item.kind, placement));
            own.chain(std::iter::once((item.kind, &item.stand_in)))
        })
    }
}

#[cfg(test)]
mod tests;
