//! Contents and parts of blocks, as the events of a trace change them.

use geoheap::{Backend, Client, Handle, PartId, Payload};
use geoheap_trace::{BlockId, Part, PartNo};

use super::Player;
use crate::replay::blocks::{LivePart, PartName, in_engine_order};
use crate::replay::contents::LEN_MAX;
use crate::replay::stage::Stage;

/// Ticks that an answer may take before the replay goes on without it.
const ANSWER_TICKS_MAX: u32 = 4096;

impl<B: Backend, S: Stage<B>> Player<B, S> {
    pub(super) fn update(&mut self, id: BlockId, lens: &[u64], in_place: bool) {
        let keeps_older = self.keeps_older();
        self.name_parts(id);
        let fabric = self.fabric;
        let Some(block) = self.blocks.get_mut(&id.0) else {
            return;
        };
        let Some(handle) = block.handle else { return };
        if lens.iter().any(|bytes| *bytes > LEN_MAX) {
            return;
        }
        for (part, bytes) in block.parts.iter_mut().zip(lens) {
            let content = fabric.content(block.serial, part.no.0, part.written, *bytes);
            part.write(content, keeps_older);
            if in_place {
                part.overwrite();
            }
        }
        block.refresh_reloads();
        let named = in_engine_order(&block.parts);
        let payloads = || {
            named
                .iter()
                .map(|(_, bytes)| Payload::owned(*bytes))
                .collect()
        };
        self.send_all(|client| {
            if in_place {
                client.update_in_place(handle, payloads())
            } else {
                client.update(handle, payloads())
            }
        });
    }

    pub(super) fn add_part(&mut self, id: BlockId, no: PartNo, part: &Part) {
        let Some(block) = self.blocks.get(&id.0) else {
            return;
        };
        let content = self.fabric.content(block.serial, no.0, 0, part.bytes);
        let Some(handle) = block.handle else { return };
        let mut live = LivePart::new(no, PartName::Refused, part, content);
        if part.bytes <= LEN_MAX {
            let asked = self.ask(|client| client.add_part(handle, live.data()));
            live.name = asked.map_or(PartName::Refused, |asked| PartName::Asked(Box::new(asked)));
        }
        if let Some(block) = self.blocks.get_mut(&id.0) {
            let at = block.parts.partition_point(|part| part.no < no);
            block.parts.insert(at, live);
            self.unnamed.push(id.0);
        }
    }

    pub(super) fn update_part(&mut self, id: BlockId, no: PartNo, bytes: u64) {
        let keeps_older = self.keeps_older();
        let fabric = self.fabric;
        let Some((handle, name)) = self.named_part(id, no) else {
            return;
        };
        let Some(block) = self.blocks.get_mut(&id.0) else {
            return;
        };
        let serial = block.serial;
        let mut parts = block.parts.iter_mut();
        let Some(part) = parts.find(|part| part.no == no) else {
            return;
        };
        if bytes > LEN_MAX {
            return;
        }
        let content = fabric.content(serial, no.0, part.written, bytes);
        part.write(content, keeps_older);
        block.refresh_reloads();
        let update = |client: &Client| client.update_part(handle, name, Payload::owned(content));
        if let Some(answer) = self.ask(update) {
            self.answers.push((handle, answer));
        }
    }

    pub(super) fn remove_part(&mut self, id: BlockId, no: PartNo) {
        let named = self.named_part(id, no);
        if let Some(block) = self.blocks.get_mut(&id.0) {
            block.parts.retain(|part| part.no != no);
            block.refresh_reloads();
        }
        if let Some((handle, name)) = named {
            self.ask(|client| client.remove_part(handle, name));
        }
    }

    /// The block and the part as the engine names them; waits for the name if it must.
    fn named_part(&mut self, id: BlockId, no: PartNo) -> Option<(Handle, PartId)> {
        self.name_parts(id);
        let block = self.blocks.get(&id.0)?;
        let part = block.parts.iter().find(|part| part.no == no)?;
        match part.name {
            PartName::Known(name) => Some((block.handle?, name)),
            _ => None,
        }
    }

    /// Waits until the engine has named all parts of a block.
    fn name_parts(&mut self, id: BlockId) {
        for _ in 0..ANSWER_TICKS_MAX {
            let Some(block) = self.blocks.get_mut(&id.0) else {
                return;
            };
            if block.take_names(self.tally.frames) {
                return;
            }
            self.tick();
        }
    }
}
