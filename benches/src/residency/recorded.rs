//! Recorded flights, with what each frame drew.

use std::collections::HashMap;
use std::path::Path;

use geoheap_trace::{BlockId, Event, TraceError};

use super::world::{Step, World};

/// Reads a trace that says what its frames draw, of any format that is known. `file` is below the
/// package's folder.
///
/// # Errors
/// [`TraceError`] when it cannot be read.
pub fn read(name: &str, file: &str) -> Result<World, TraceError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut reader = geoheap_trace::open(path)?;
    let (mut frames, mut steps) = (Vec::new(), Vec::new());
    let mut entries = Entries::default();
    let (mut live_bytes, mut live_blocks) = (0, 0);
    while let Some(event) = reader.next_event()? {
        let block = match event {
            Event::Use(id) => {
                steps.push(Step::Draw(entries.of(id)));
                continue;
            }
            Event::Frame { .. } => {
                frames.push(std::mem::take(&mut steps));
                continue;
            }
            Event::End => break,
            Event::Add(add) => entries.come(add.id),
            Event::Update { id, .. }
            | Event::Part { id, .. }
            | Event::PartUpdate { id, .. }
            | Event::PartRemove { id, .. }
            | Event::Remove(id) => entries.of(id),
            _ => continue,
        };
        // What lives tells what the event did to its block, whatever it was.
        let before = std::mem::replace(&mut live_bytes, reader.state().live_bytes());
        let blocks_before = std::mem::replace(&mut live_blocks, reader.state().live_blocks());
        if live_blocks < blocks_before {
            steps.push(Step::Gone(block));
        } else if live_bytes != before {
            let bytes = &mut entries.bytes[block as usize];
            *bytes = *bytes + live_bytes - before;
            steps.push(Step::Bytes {
                id: block,
                bytes: *bytes,
            });
        }
    }
    frames.push(steps);
    Ok(World::new(name, entries.bytes.len(), frames))
}

/// Entries by the trace's numbers, which may be given again.
#[derive(Debug, Default)]
struct Entries {
    of_block: HashMap<BlockId, u32>,
    /// Bytes of each entry so far.
    bytes: Vec<u64>,
}

impl Entries {
    fn come(&mut self, block: BlockId) -> u32 {
        let entry = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.push(0);
        self.of_block.insert(block, entry);
        entry
    }

    /// A reader gives only events of blocks that live.
    fn of(&self, block: BlockId) -> u32 {
        self.of_block[&block]
    }
}
