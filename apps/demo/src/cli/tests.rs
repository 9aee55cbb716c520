use clap::CommandFactory as _;

use super::*;

fn check_size(text: &str, expected: Result<u64, &str>) {
    match (parse_size(text), expected) {
        (Ok(bytes), Ok(wanted)) => assert_eq!(bytes, wanted, "{text}"),
        (Err(error), Err(part)) => {
            assert!(error.contains(part), "{text}: {error}");
            assert!(
                error.contains("KiB, MiB or GiB"),
                "{text}: names what is allowed: {error}"
            );
        }
        (got, wanted) => panic!("{text}: got {got:?}, wanted {wanted:?}"),
    }
}

#[test]
fn sizes() {
    check_size("64MiB", Ok(64 * MIB));
    check_size("1GiB", Ok(GIB));
    check_size("512KiB", Ok(512 * KIB));
    check_size("1.5 MiB", Ok(MIB + 512 * KIB));
    check_size("67108864", Ok(64 * MIB));
    check_size("67108864B", Ok(64 * MIB));
    check_size("64 mib", Ok(64 * MIB));
    check_size("64MB", Err("unknown unit `MB`"));
    check_size("lots", Err("unknown unit"));
    check_size("", Err("not a number"));
    check_size("-1", Err("unknown unit"));
    check_size("1.5", Err("part of a byte"));
    check_size("1.2.3MiB", Err("not a number"));
    check_size("0MiB", Err("zero bytes"));
    check_size("99999999999999999999", Err("more than"));
    check_size("99999999999999GiB", Err("more than"));
}

#[test]
fn budget_changes_come_in_the_order_of_their_frames() {
    let args = Args::try_parse_from([
        "geoheap-demo",
        "--budget-at",
        "300=64MiB",
        "--budget-at",
        "100=1GiB",
    ])
    .expect("valid");
    assert_eq!(
        args.budget_changes(),
        [
            BudgetChange {
                frame: 100,
                bytes: GIB
            },
            BudgetChange {
                frame: 300,
                bytes: 64 * MIB
            }
        ]
    );
}

fn check_refused(arguments: &[&str], parts: &[&str]) {
    let all = std::iter::once("geoheap-demo").chain(arguments.iter().copied());
    let error = Args::try_parse_from(all).expect_err("refused").to_string();
    for part in parts {
        assert!(
            error.contains(part),
            "{arguments:?}: `{part}` missing in: {error}"
        );
    }
}

#[test]
fn bad_values_are_refused_with_the_allowed_ones() {
    check_refused(
        &["--size", "wide"],
        &["--size", "WIDTHxHEIGHT", "16 to 8192"],
    );
    check_refused(&["--size", "8x600"], &["`8`", "16 to 8192"]);
    check_refused(&["--budget", "64MB"], &["--budget", "KiB, MiB or GiB"]);
    check_refused(&["--budget-at", "64MiB"], &["FRAME=SIZE"]);
    check_refused(
        &["--budget-at", "x=64MiB"],
        &["`x` is not a frame", "FRAME=SIZE"],
    );
    check_refused(&["--backend", "cuda"], &["wgpu", "virtual"]);
    check_refused(&["--render-threads", "0"], &["1 to 64"]);
    check_refused(&["--frames", "0"], &["--frames", "1 to 10000000"]);
    check_refused(&["--seed=-3"], &["--seed"]);
    check_refused(&["--gltf"], &["--gltf"]);
}

#[test]
fn every_option_says_what_it_does() {
    Args::command().debug_assert();
    for argument in Args::command().get_arguments() {
        assert!(
            argument.get_help().is_some(),
            "{} has no help",
            argument.get_id()
        );
    }
}

#[test]
fn the_virtual_backend_needs_no_window() {
    let args = Args::try_parse_from(["geoheap-demo", "--backend", "virtual"]).expect("valid");
    assert!(
        args.is_headless(),
        "nothing is drawn by the virtual backend"
    );
}
