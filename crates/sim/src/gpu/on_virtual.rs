//! The virtual GPU: each command waits in the queue until the scheduler lets it be executed, and
//! the news of it until the scheduler lets it out.

use core::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoheap::{
    Align, ByteLen, InFlight, Limits, VirtualBuffer, VirtualConfig, VirtualContents,
    VirtualControl, VirtualGpu, VirtualRead,
};

use super::{DeviceSetting, Executed, Gpu, ReadRange};
use crate::random::Random;

/// A virtual GPU with its control.
#[derive(Clone, Debug)]
pub(crate) struct OnVirtual {
    control: VirtualControl,
    memory_bytes: ByteLen,
    executed: Arc<Mutex<Vec<Executed<VirtualBuffer>>>>,
}

impl OnVirtual {
    fn list(&self) -> MutexGuard<'_, Vec<Executed<VirtualBuffer>>> {
        self.executed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gpu for OnVirtual {
    type Backend = VirtualGpu;
    type Buffer = VirtualBuffer;

    fn make(setting: &DeviceSetting) -> (VirtualGpu, Self) {
        let usual = VirtualConfig::default();
        let align = Align::new(setting.binding_align.into()).expect("a power of two");
        let limits = Limits {
            buffer_bytes_max: setting
                .buffer_bytes_max
                .unwrap_or(usual.limits.buffer_bytes_max),
            uniform_align: align,
            storage_align: align,
            indirect_first_instance: setting.indirect_first_instance,
            ..usual.limits
        };
        let (backend, control) = VirtualGpu::new(&VirtualConfig {
            memory_bytes: setting.memory_bytes,
            limits,
            staging: setting.staging,
            contents: VirtualContents::Words,
            ..usual
        });
        control.set_manual(true);
        let gpu = Self {
            control,
            executed: Arc::default(),
            memory_bytes: setting.whole_memory_bytes,
        };
        (backend, gpu)
    }

    fn submit_reads(
        &self,
        id: u64,
        reads: Vec<ReadRange<VirtualBuffer>>,
        token: InFlight<VirtualBuffer>,
    ) {
        let reads = reads.into_iter().map(|read| VirtualRead {
            buffer: read.buffer,
            range: read.range,
        });
        let executed = Arc::clone(&self.executed);
        self.control.submit_reads(reads.collect(), move |bytes| {
            let mut list = executed.lock().unwrap_or_else(PoisonError::into_inner);
            list.push(Executed {
                id,
                bytes,
                token: Some(token),
            });
        });
    }

    fn executed(&self) -> Vec<Executed<VirtualBuffer>> {
        core::mem::take(&mut *self.list())
    }

    fn is_same(a: &VirtualBuffer, b: &VirtualBuffer) -> bool {
        a == b
    }

    fn advance(&self, random: &mut Random, is_late: bool) {
        let pace = if is_late { 4 } else { 40 };
        let most = random.magnitude(1, pace);
        let commands = if random.chance(700) && is_late {
            0
        } else {
            most
        };
        let _ = self
            .control
            .execute(usize::try_from(commands).expect("a small number"));
        let batches = if is_late { random.below(3) } else { 64 };
        self.control
            .tell(usize::try_from(batches).expect("a small number"));
    }

    fn hurry(&self) {
        self.control.set_manual(false);
        self.control.set_memory_bytes(self.memory_bytes);
    }

    fn lose(&self) {
        self.control.lose_device();
    }

    fn poison(&self, buffer: &VirtualBuffer, range: Range<u64>, word: u32) {
        self.control.poison(buffer, range, word);
    }

    fn fail_submit(&self, n: u64) {
        self.control.fail_submit(n);
    }

    fn held_bytes(&self) -> Option<ByteLen> {
        Some(self.control.live_buffer_bytes() + self.control.live_staging_bytes())
    }
}
