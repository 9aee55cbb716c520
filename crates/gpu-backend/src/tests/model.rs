//! Any sequence of calls against a plain model, with the device's own account as the witness.

use geoheap_suballoc::{ByteLen, ByteOffset};
use proptest::prelude::*;

use crate::{
    Backend, BackendEvent, BufferDesc, BufferRole, StagingConfig, StagingLease, VirtualBuffer,
    VirtualConfig, VirtualContents, VirtualControl, VirtualGpu,
};

const BUFFER_BYTES: usize = 512;
const LIMIT_BYTES: u64 = 1024;

#[derive(Clone, Debug)]
enum Step {
    Upload {
        to: usize,
        at: usize,
        len: usize,
        value: u8,
    },
    Copy {
        from: usize,
        to: usize,
        at_from: usize,
        at_to: usize,
        len: usize,
    },
    Lease {
        len: usize,
        value: u8,
    },
    UploadLeased {
        to: usize,
        at: usize,
    },
    DropLease,
    ReadBack {
        from: usize,
        at: usize,
        len: usize,
    },
    Submit,
    Poll,
    FailStaging,
    FailSubmit,
    Execute(usize),
    Tell(usize),
}

fn step() -> impl Strategy<Value = Step> {
    // In units of four bytes, so that most ranges are right and some are out of bounds.
    let (at, len) = (0..130_usize, 0..130_usize);
    let place = || (0..3_usize, at.clone(), len.clone());
    prop_oneof![
        6 => (place(), 1..=255_u8).prop_map(|((to, at, len), value)| Step::Upload {
            to, at: at * 4, len: len * 4, value,
        }),
        4 => (place(), 0..3_usize, at.clone()).prop_map(|((from, at, len), to, at_to)| Step::Copy {
            from, to, at_from: at * 4, at_to: at_to * 4, len: len * 4,
        }),
        2 => (len.clone(), 1..=255_u8).prop_map(|(len, value)| Step::Lease { len: len * 4, value }),
        2 => (0..3_usize, at.clone()).prop_map(|(to, at)| Step::UploadLeased { to, at: at * 4 }),
        1 => Just(Step::DropLease),
        2 => place().prop_map(|(from, at, len)| Step::ReadBack {
            from, at: at * 4, len: len * 4,
        }),
        3 => Just(Step::Submit),
        3 => Just(Step::Poll),
        1 => Just(Step::FailStaging),
        1 => Just(Step::FailSubmit),
        2 => (0..8_usize).prop_map(Step::Execute),
        1 => (0..3_usize).prop_map(Step::Tell),
    ]
}

/// The device and what its buffers have to hold once all is executed.
struct World {
    gpu: VirtualGpu,
    control: VirtualControl,
    buffers: Vec<VirtualBuffer>,
    /// After all that was submitted, and after the open batch too.
    submitted: Vec<Vec<u8>>,
    open: Vec<Vec<u8>>,
    leases: Vec<(StagingLease, u8)>,
    reads_open: usize,
    events: Vec<BackendEvent>,
}

impl World {
    fn new(contents: VirtualContents, is_manual: bool) -> Self {
        let staging = StagingConfig {
            buffer_bytes: ByteLen::new(192),
            limit_bytes: ByteLen::new(LIMIT_BYTES),
            idle_polls: 4,
        };
        let (mut gpu, control) = VirtualGpu::new(&VirtualConfig {
            staging,
            contents,
            ..VirtualConfig::default()
        });
        control.set_manual(is_manual);
        let desc = BufferDesc {
            label: "model",
            len: ByteLen::new(BUFFER_BYTES as u64),
            role: BufferRole::Chunk,
        };
        let buffers = (0..3)
            .map(|_| gpu.create_buffer(&desc).expect("memory is there"))
            .collect();
        let zero = vec![vec![0; BUFFER_BYTES]; 3];
        Self {
            gpu,
            control,
            buffers,
            submitted: zero.clone(),
            open: zero,
            leases: Vec::new(),
            reads_open: 0,
            events: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        let at = |offset: usize| ByteOffset::new(offset as u64);
        let bytes = |len: usize| ByteLen::new(len as u64);
        match *step {
            Step::Upload {
                to,
                at: offset,
                len,
                value,
            } => {
                let piece = vec![value; len];
                if self
                    .gpu
                    .upload(&self.buffers[to], at(offset), &piece)
                    .is_ok()
                {
                    self.open[to][offset..offset + len].fill(value);
                }
            }
            Step::Copy {
                from,
                to,
                at_from,
                at_to,
                len,
            } => {
                let (src, dst) = (&self.buffers[from], &self.buffers[to]);
                if self
                    .gpu
                    .copy(src, at(at_from), dst, at(at_to), bytes(len))
                    .is_ok()
                {
                    let piece = self.open[from][at_from..at_from + len].to_vec();
                    self.open[to][at_to..at_to + len].copy_from_slice(&piece);
                }
            }
            Step::Lease { len, value } => {
                if let Ok(mut lease) = self.gpu.lease(bytes(len)) {
                    lease
                        .write_at(0, &vec![value; len])
                        .expect("the whole lease");
                    self.leases.push((lease, value));
                }
            }
            Step::UploadLeased { to, at: offset } => {
                if let Some((lease, value)) = self.leases.last_mut() {
                    let (dst, len) = (&self.buffers[to], lease.len());
                    if self
                        .gpu
                        .upload_leased(dst, at(offset), lease, 0, len)
                        .is_ok()
                    {
                        let len = usize::try_from(len.get()).expect("a small lease");
                        self.open[to][offset..offset + len].fill(*value);
                    }
                }
            }
            Step::DropLease => drop(self.leases.pop()),
            Step::ReadBack {
                from,
                at: offset,
                len,
            } => {
                let read = self
                    .gpu
                    .read_back(&self.buffers[from], at(offset), bytes(len));
                self.reads_open += usize::from(read.is_ok());
            }
            Step::Submit => match self.gpu.submit() {
                Ok(_) => self.submitted.clone_from(&self.open),
                Err(_) => self.open.clone_from(&self.submitted),
            },
            Step::Poll => self.gpu.poll(&mut self.events),
            Step::FailStaging => self.control.fail_staging(1),
            Step::FailSubmit => self.control.fail_submit(1),
            Step::Execute(commands) => {
                let queued = self.control.queued_commands();
                assert_eq!(self.control.execute(commands), commands.min(queued));
                assert_eq!(
                    self.control.queued_commands(),
                    queued.saturating_sub(commands)
                );
            }
            Step::Tell(batches) => {
                let untold = self.control.untold();
                assert_eq!(self.control.tell(batches), batches.min(untold));
            }
        }
    }

    fn check(&self) {
        let figures = self.gpu.staging();
        assert!(
            figures.capacity_bytes.get() <= LIMIT_BYTES,
            "G4: {figures:?}"
        );
        assert_eq!(
            figures.capacity_bytes,
            self.control.live_staging_bytes(),
            "G4: {figures:?}"
        );
    }

    fn finish(mut self) {
        // A planted fault may hit the first try; the second has to work.
        if self.gpu.submit().is_err() {
            self.open.clone_from(&self.submitted);
        }
        assert!(self.gpu.wait_idle(20), "the device comes to an end");
        self.gpu.poll(&mut self.events);
        for (buffer, expected) in self.buffers.iter().zip(&self.open) {
            let found = self.control.read(buffer, 0..BUFFER_BYTES as u64);
            assert_eq!(&found, expected, "as in plain memory");
        }
        let is_answer = |event: &&BackendEvent| {
            matches!(
                event,
                BackendEvent::ReadBack { .. } | BackendEvent::ReadFailed { .. }
            )
        };
        let answers = self.events.iter().filter(is_answer).count();
        assert_eq!(answers, self.reads_open, "G1: each read is answered once");
        self.leases.clear();
        self.check();
        assert_eq!(
            self.gpu.staging().one_shot_bytes,
            ByteLen::ZERO,
            "G4: nothing is lent"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn calls_do_what_plain_memory_does(
        steps in prop::collection::vec(step(), 1..60),
        contents in prop_oneof![Just(VirtualContents::Bytes), Just(VirtualContents::Words)],
        is_manual in any::<bool>(),
    ) {
        let mut world = World::new(contents, is_manual);
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.finish();
    }
}
