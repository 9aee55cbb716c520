//! The command line of the simulation.
fn main() {
    let arg = |n: usize| std::env::args().nth(n).and_then(|s| s.parse::<u64>().ok());
    let mut o = geoheap_sim::Options::new(arg(1).unwrap_or(1), arg(2).unwrap_or(1000));
    o.watch = arg(3).map(|n| n as u32);
    let o = geoheap_sim::run(&o);
    println!("{o}");
}
