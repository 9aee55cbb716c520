//! Many small blocks that come, change and go: operations in a second, and bytes of books.
//!
//! A block at rest, of one part and with retained contents, costs in a large heap:
//!
//! | crate | bytes | what |
//! |---|---|---|
//! | `geoheap` | 96 | the record, in its slot of the handle map |
//! | | 16 | the seat: who has the slot, and since when |
//! | `chunk-heap` | 45 | the range, and one in eight for blocks that change |
//! | | 8 | the range's key, by its node |
//! | `residency` | 40 | age, priority and neighbours in line |
//! | `suballoc` | 26 | the node, and one in sixteen for those to come |
//!
//! That is 231, of which the lower crates alone keep 119. Three things are not in it. The blocks
//! here are alike and share one layout; 96 bytes more are due for each that is laid out like no
//! other of the latest few hundred. A label, a pin or a further owner cost 112 once, and what is
//! in motion some hundreds until it rests. And some of it does not grow with the heap: the
//! handles that clients have in reserve, and what a tick keeps for the next one, messages, jobs
//! and changes of four thousand operations. Here that is about 10 MiB, which is all that a heap
//! of 64 Ki blocks has above those 231 bytes.

use cpu_time::ThreadTime;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, GeometryManager, Handle, PartData, Payload, Threading,
    VirtualConfig, VirtualGpu,
};

use crate::measure::median;
use crate::meter::{self, Account};
use crate::random::Random;

/// Bytes of a block: one vertex, so that bytes of contents do not hide those of books.
const BLOCK_BYTES: u32 = 16;
/// Operations between two ticks.
const OPS_PER_TICK: usize = 4 << 10;
const MAILBOX_MESSAGES: u32 = 1 << 13;
/// Copies of the placement tables, and bytes of a slot in each, with the pointer to its parts.
const REPLICAS: u32 = 4;
const SLOT_BYTES: u64 = 32 + 8;

/// What a heap of so many blocks costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds of one core for an addition, an update or a removal, from the client's call to
    /// the published version: the median of the rounds.
    pub ns_per_op: f64,
    /// Bytes of the engine's books for a live block, the replicas left out.
    pub book_bytes_per_block: f64,
}

/// Fills a heap with `count` blocks, and then changes some in each of `rounds` rounds.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn measure(count: usize, rounds: usize) -> Cost {
    let mut account = Account::default();
    let mut handles = Vec::with_capacity(count + OPS_PER_TICK);
    let mut heap = account.book(|| Heap::new(count));
    account.book(|| heap.fill(&mut handles, count));
    let report = heap.manager.report();
    // The virtual GPU's memory is the process's too.
    let gpu_bytes = report.chunk_bytes + report.staging_bytes;
    let slots = u64::from(heap.manager.config().handles_max) + 1;
    let replica_bytes = u64::from(REPLICAS) * slots * SLOT_BYTES;
    let books = account.bytes() as f64 - (gpu_bytes + replica_bytes) as f64;
    let mut random = Random::new(1);
    let rounds = (0..rounds).map(|_| heap.round(&mut handles, &mut random));
    let mut ns: Vec<f64> = meter::paused(|| rounds.collect());
    Cost {
        ns_per_op: median(&mut ns),
        book_bytes_per_block: books / count as f64,
    }
}

struct Heap {
    manager: GeometryManager<VirtualGpu>,
    client: Client,
    contents: Payload,
}

impl Heap {
    fn new(count: usize) -> Self {
        let (gpu, _control) = VirtualGpu::new(&VirtualConfig {
            memory_bytes: ByteLen::from_mib(4096),
            ..VirtualConfig::default()
        });
        // As many in the clients' reserve as there are messages, and what a round adds.
        let spare = MAILBOX_MESSAGES as usize + 2 * OPS_PER_TICK;
        let handles_max = u32::try_from(count + spare).expect("far below 2^32");
        let config = Config {
            budget_bytes: ByteLen::from_mib(2048),
            handles_max,
            handles_initial: u32::MAX,
            replicas: REPLICAS,
            threading: Threading::CallerDriven,
            mailbox_messages: MAILBOX_MESSAGES,
            tick_copies: 1 << 20,
            ..Config::default()
        };
        let manager = GeometryManager::with_backend(gpu, config).expect("a valid configuration");
        Self {
            client: manager.client(),
            manager,
            contents: Payload::from(vec![7_u8; BLOCK_BYTES as usize]),
        }
    }

    fn add(&self) -> Handle {
        let part = PartData::vertex(self.contents.clone(), BLOCK_BYTES);
        let added = self.client.add(BlockDesc::new().part(part));
        added.expect("the mailbox is emptied in time")
    }

    fn fill(&mut self, handles: &mut Vec<Handle>, count: usize) {
        while handles.len() < count {
            for _ in 0..(count - handles.len()).min(OPS_PER_TICK) {
                handles.push(self.add());
            }
            self.manager.poll();
        }
        self.flush();
    }

    fn flush(&mut self) {
        let mut flush = self.client.flush().expect("the manager runs");
        while flush.try_take().is_none() {
            self.manager.poll();
        }
    }

    /// As many additions as removals, and as many updates. Returns the nanoseconds for each.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn round(&mut self, handles: &mut [Handle], random: &mut Random) -> f64 {
        let each = OPS_PER_TICK / 3;
        let start = ThreadTime::now();
        for _ in 0..each {
            let old = random.index(handles.len());
            let changed = random.index(handles.len());
            let gone = std::mem::replace(&mut handles[old], self.add());
            self.client.remove(gone).expect("the mailbox has room");
            let contents = vec![self.contents.clone()];
            let sent = self.client.update(handles[changed], contents);
            sent.expect("the mailbox has room");
        }
        self.flush();
        start.elapsed().as_secs_f64() * 1e9 / (3 * each) as f64
    }
}
