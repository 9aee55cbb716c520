//! How blocks get in: checked on the caller's thread, then through the mailbox's bounds.

use std::time::Duration;

use geoheap_chunk_heap::{BlockLayout, PartSpec};
use geoheap_suballoc::ByteLen;
use smallvec::SmallVec;

use crate::actor::mailbox::{Message, Patience, Permit, Weight};
use crate::client::Client;
use crate::core::event::{PreparedBlock, Request};
use crate::error::{AddError, Refused};
use crate::handle::Handle;
use crate::payload::{BlockDesc, Contents, PartData, Source};
use crate::sync::Ordering;

/// Adds and removes that enter the mailbox together: all of them or none.
#[derive(Debug, Default)]
pub struct Batch {
    adds: Vec<BlockDesc>,
    removes: Vec<Handle>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a block; its handle comes back in the order of these calls.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "the same word as `Client::add`"
    )]
    pub fn add(mut self, block: BlockDesc) -> Self {
        self.adds.push(block);
        self
    }

    /// Removes a block. Removes are carried out before adds, so that their room can be reused.
    #[must_use]
    pub fn remove(mut self, handle: Handle) -> Self {
        self.removes.push(handle);
        self
    }
}

impl Client {
    /// Adds a block and returns its handle at once. Waits while the mailbox is full, which it stays
    /// while contents sent before find no room: blocks with a source are set aside after 16 ticks,
    /// others fail after 512.
    ///
    /// # Errors
    /// [`AddError`]; nothing was added. Use [`Client::try_add`] to get the block back.
    pub fn add(&self, block: BlockDesc) -> Result<Handle, AddError> {
        self.add_within(block, Patience::Forever)
            .map_err(|refused| refused.error)
    }

    /// Adds a block, or gives it back if the mailbox is full or the block is not valid.
    ///
    /// # Errors
    /// The block and why it was refused.
    pub fn try_add(&self, block: BlockDesc) -> Result<Handle, Refused<BlockDesc, AddError>> {
        self.add_within(block, Patience::None)
    }

    /// Adds a block, waiting at most `timeout` for the mailbox.
    ///
    /// # Errors
    /// The block and why it was refused.
    pub fn add_deadline(
        &self,
        block: BlockDesc,
        timeout: Duration,
    ) -> Result<Handle, Refused<BlockDesc, AddError>> {
        self.add_within(block, Patience::For(timeout))
    }

    /// Carries out all removes and then all adds of a batch in one step of the geometry actor, so
    /// that the adds can use the room of the removes. The removed blocks are gone from the next
    /// version on; each added one shows as [`Lookup::Pending`](crate::Lookup::Pending) with that
    /// version and as resident when its bytes have arrived. To replace without a gap, add first
    /// and remove when [`Client::resident`] has answered. Returns the handles of the adds.
    ///
    /// # Errors
    /// The batch, whole, and the first reason against it.
    pub fn batch(&self, batch: Batch) -> Result<Vec<Handle>, Refused<Batch, AddError>> {
        let refuse = |batch, error| {
            Err(Refused {
                item: Box::new(batch),
                error,
            })
        };
        let layouts = match batch.adds.iter().map(|block| self.check(block)).collect() {
            Ok(layouts) => layouts,
            Err(error) => return refuse(batch, error),
        };
        let layouts: Vec<BlockLayout> = layouts;
        let weight = Weight {
            messages: (batch.adds.len() + batch.removes.len()) as u64,
            bytes: batch.adds.iter().map(weight_of).sum(),
        };
        let mut permit = match self.mailbox.permit(weight, Patience::Forever) {
            Ok(permit) => permit,
            Err(error) => return refuse(batch, error.into()),
        };
        let handles: Vec<_> = batch.adds.iter().map_while(|_| permit.handle()).collect();
        if handles.len() < batch.adds.len() {
            if !is_planted!(RefusedBatchKeepsHandles) {
                self.mailbox.give_back(&handles);
            }
            let handles_max = self.shared.config.handles_max;
            return refuse(batch, AddError::HandlesExhausted { handles_max });
        }
        let mut requests = Vec::with_capacity(batch.adds.len() + batch.removes.len());
        requests.extend(
            batch
                .removes
                .into_iter()
                .map(|handle| Request::Remove { handle }),
        );
        for ((handle, block), layout) in handles.iter().zip(batch.adds).zip(layouts) {
            requests.push(Request::Add {
                handle: *handle,
                block: Box::new(prepare(block, layout)),
            });
        }
        match permit.send(Message::Batch(requests), weight) {
            Ok(()) => Ok(handles),
            Err(error) => refuse(Batch::default(), error.into()),
        }
    }

    fn add_within(
        &self,
        block: BlockDesc,
        patience: Patience,
    ) -> Result<Handle, Refused<BlockDesc, AddError>> {
        let refuse = |block, error| Refused {
            item: Box::new(block),
            error,
        };
        let layout = match self.check(&block) {
            Ok(layout) => layout,
            Err(error) => return Err(refuse(block, error)),
        };
        let weight = Weight {
            messages: 1,
            bytes: weight_of(&block),
        };
        let mut permit = match self.mailbox.permit(weight, patience) {
            Ok(permit) => permit,
            Err(error) if is_planted!(RefusedBlockLost) => {
                return Err(refuse(BlockDesc::default(), error.into()));
            }
            Err(error) => return Err(refuse(block, error.into())),
        };
        let Some(handle) = permit.handle() else {
            let handles_max = self.shared.config.handles_max;
            return Err(refuse(block, AddError::HandlesExhausted { handles_max }));
        };
        send_add(&mut permit, handle, block, layout, weight)
    }

    /// Everything about a block that can be known here.
    fn check(&self, block: &BlockDesc) -> Result<BlockLayout, AddError> {
        if self.shared.device_lost.load(Ordering::Relaxed) {
            return Err(AddError::DeviceLost);
        }
        if block.parts.is_empty() {
            return Err(AddError::NoParts);
        }
        let is_staged = |part: &PartData| part.content.payload().is_none();
        let retains = match &block.source {
            Some(source) => matches!(source, Source::Retained),
            None => matches!(block.source_default(), Source::Retained),
        };
        if retains && block.parts.iter().any(is_staged) {
            return Err(AddError::StagedCannotRetain);
        }
        let device = self.shared.device.load(Ordering::Relaxed);
        let mut devices = block.parts.iter().filter_map(|part| part.content.device());
        if devices.any(|of| of != device) {
            return Err(AddError::StagedOnLostDevice);
        }
        let specs: SmallVec<[PartSpec; 4]> = block.parts.iter().map(|part| part.spec).collect();
        let shared = &self.shared;
        let layout = BlockLayout::pack(&specs, &shared.kinds, block.spare, shared.align_max)?;
        let max = ByteLen::new(shared.block_bytes_max.load(Ordering::Relaxed));
        if layout.len() > max {
            return Err(AddError::TooLarge {
                requested: layout.len(),
                max,
            });
        }
        Ok(layout)
    }
}

/// Sends a checked block under a permit.
fn send_add(
    permit: &mut Permit<'_>,
    handle: Handle,
    block: BlockDesc,
    layout: BlockLayout,
    weight: Weight,
) -> Result<Handle, Refused<BlockDesc, AddError>> {
    let block = Box::new(prepare(block, layout));
    match permit.send(
        Message::Request(Request::Add { handle, block }, None),
        weight,
    ) {
        Ok(()) => Ok(handle),
        // The actor ended between the permit and the send; the block went with it.
        Err(error) => Err(Refused {
            item: Box::default(),
            error: error.into(),
        }),
    }
}

fn prepare(block: BlockDesc, layout: BlockLayout) -> PreparedBlock {
    let source_default = block.source_default();
    let mut contents = Contents::new();
    for part in block.parts {
        contents.push(part.content);
    }
    PreparedBlock {
        layout,
        spare: block.spare,
        contents,
        label: block.label,
        lifetime: block.lifetime,
        priority: block.priority,
        source: block.source.unwrap_or(source_default),
    }
}

/// Bytes that a block takes of the mailbox.
fn weight_of(block: &BlockDesc) -> u64 {
    block
        .parts
        .iter()
        .map(|part| part.content.shared_bytes())
        .sum()
}
