//! The command line of the simulation.
fn main() {
    let seed = std::env::args()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    let ticks = std::env::args()
        .nth(2)
        .and_then(|s| s.parse().ok())
        .unwrap_or(1000);
    let o = geoheap_sim::run(&geoheap_sim::Options::new(seed, ticks));
    println!("{o}");
}
