//! A software driver with one thread and with two leaves the same bytes.

use std::env;
use std::process::Command;

use super::equality::churn;
use super::random::Random;
use super::rig::{Pair, stream};
use crate::GpuHeapDesc;

/// Set in the processes that only say what they have come to.
const ASKED: &str = "GEOHEAP_GPU_BITSET_SAYS";

/// Runs some batches and says what the last left.
fn say() -> String {
    let streams = [stream(16)];
    let mut random = Random(11);
    let mut pair = Pair::new(&GpuHeapDesc {
        units: 50_000,
        streams: &streams,
        slots: 8192,
        requests_max: 4096,
        frees_max: 4096,
        ..GpuHeapDesc::default()
    });
    for _ in 0..4 {
        churn(&mut pair, &mut random, 4096, 20);
    }
    let words = pair
        .gpu
        .read::<u32>(pair.heap.bits(), pair.model.words.len());
    format!("bits {:08x}", crate::model::hash(&words))
}

#[test]
fn threads_give_the_same() {
    if env::var_os(ASKED).is_some() {
        println!("{}", say());
        return;
    }
    let program = env::current_exe().expect("a test knows its own program");
    let said = ["1", "2"].map(|threads| {
        let output = Command::new(&program)
            .args([
                "--exact",
                "tests::threads::threads_give_the_same",
                "--nocapture",
            ])
            .env(ASKED, "1")
            .env("LP_NUM_THREADS", threads)
            .output()
            .expect("the program runs again");
        assert!(
            output.status.success(),
            "with {threads} threads: {output:?}"
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("bits "))
            .map(str::to_owned);
        line.expect("it says what it has come to")
    });
    assert_eq!(said[0], said[1]);
}
