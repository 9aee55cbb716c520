#![forbid(unsafe_code)]
//! `geoheap-compare`: tables of our crates against their peers.

use geoheap_benches::meter::Meter;

#[global_allocator]
static METER: Meter = Meter;

use geoheap_benches::measure::{self, Enter, enter};
use geoheap_benches::peers::*;
use geoheap_benches::workload::churn::Churn;

fn main() {
    let arg = |n: usize, d: &str| std::env::args().nth(n).unwrap_or_else(|| d.to_owned());
    let which = arg(1, ""); let steps: usize = arg(2, "100000").parse().unwrap(); let who = arg(3, "nof"); let seeds: u64 = arg(4, "1").parse().unwrap();
    let mut e: Vec<Enter> = vec![];
    for c in who.chars() { e.push(match c { 'n' => enter::<Null>, 'o' => enter::<Ours>, 'f' => enter::<Offset>, 'v' => enter::<Vma>, 't' => enter::<VmaFast>, 'r' => enter::<Ranges>, _ => enter::<Tlsf> }); }
    let show = |script: &geoheap_benches::replay::Script, e: &[Enter]| {
        let out = measure::run(script, e);
        let h = out[0].ns_per_op;
        print!("{:<18} ", script.name);
        for o in &out {
            print!(" | {} {:.1} f{:.4} fill {:.4} {}k", &o.name[..4.min(o.name.len())], o.ns_per_op - if who.starts_with('n') { h } else { 0.0 }, o.failed_share, o.first_failure_fill.unwrap_or(0.0), o.metadata_bytes / 1024);
        }
        if out.len() > 2 { print!("  ratio {:.3}", (out[1].ns_per_op - h) / (out[2].ns_per_op - h)); }
        println!();
    };
    for churn in Churn::ALL {
        if churn.name != which && which != "all" { continue; }
        for seed in 1..=seeds { show(&churn.script(seed, steps), &e); }
    }
    if which.starts_with("churn") { return; }
    for script in geoheap_benches::workload::patterns::all(1) {
        if script.name.contains(&which) || which == "patterns" { show(&script, &e); }
    }
}
