//! Small spaces drawn after each operation: a letter for each unit of a live range, a dot for a
//! free one.

use std::collections::BTreeMap;

use geoheap_suballoc::{Align, ByteLen, ByteOffset, RangeId, Space, Strategy};

/// Runs a script, and draws the space after each operation. `a5` allocates 5 bytes as `a`, `a5@4`
/// at a multiple of 4, `a5=8` at 8, `a5_` at the lowest address; `a>7` grows and `a<3` shrinks;
/// `-a` frees.
fn run(capacity: u64, unit: u64, script: &str) -> String {
    let mut space = Space::new(ByteLen::new(capacity), ByteLen::new(unit)).unwrap();
    let mut names = BTreeMap::new();
    let width = script.split_whitespace().map(str::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for op in script.split_whitespace() {
        let refused = apply(&mut space, &mut names, op).err();
        space.validate();
        let map = draw(&space, &names);
        let refused = refused.map_or(String::new(), |error| format!(" {error}"));
        lines.push(format!("{op:width$} |{map}|{refused}"));
    }
    lines.join("\n")
}

fn apply(space: &mut Space, names: &mut BTreeMap<char, RangeId>, op: &str) -> Result<(), String> {
    let number = |text: &str| ByteLen::new(text.parse().unwrap());
    let name = op.chars().find(char::is_ascii_alphabetic).unwrap();
    if op.starts_with('-') {
        return space
            .free(names[&name])
            .map(|_| ())
            .map_err(|error| error.to_string());
    }
    let rest = &op[1..];
    if let Some(len) = rest.strip_prefix('>') {
        let grown = space.grow_in_place(names[&name], number(len));
        return grown.map(|_| ()).map_err(|error| error.to_string());
    }
    if let Some(len) = rest.strip_prefix('<') {
        let shrunk = space.shrink_in_place(names[&name], number(len));
        return shrunk.map(|_| ()).map_err(|error| error.to_string());
    }
    let allocation = if let Some((len, align)) = rest.split_once('@') {
        space.alloc(number(len), Align::new(align.parse().unwrap()).unwrap())
    } else if let Some((len, start)) = rest.split_once('=') {
        space.alloc_at(ByteOffset::new(start.parse().unwrap()), number(len))
    } else if let Some(len) = rest.strip_suffix('_') {
        space.alloc_with(number(len), Align::ONE, Strategy::LowestAddress)
    } else {
        space.alloc(number(rest), Align::ONE)
    };
    names.insert(name, allocation.map_err(|error| error.to_string())?.id);
    Ok(())
}

fn draw(space: &Space, names: &BTreeMap<char, RangeId>) -> String {
    let mut map = String::new();
    for span in space {
        let name = names
            .iter()
            .find(|(_, id)| Some(**id) == span.id)
            .map_or('.', |(name, _)| *name);
        for _ in 0..span.range.len.get() / space.unit().get() {
            map.push(name);
        }
    }
    map
}

#[test]
fn splits_merges_and_serves_the_whole() {
    insta::assert_snapshot!(run(16, 1, "a4 b4 c4 -a -c -b d16 -d"), @r"
    a4  |aaaa............|
    b4  |aaaabbbb........|
    c4  |aaaabbbbcccc....|
    -a  |....bbbbcccc....|
    -c  |....bbbb........|
    -b  |................|
    d16 |dddddddddddddddd|
    -d  |................|
    ");
}

#[test]
fn takes_the_shortest_hole_that_holds_it() {
    insta::assert_snapshot!(run(16, 1, "a5 b1 c3 d1 e4 f1 -a -c -e g3 h4 i5 j2"), @r"
    a5 |aaaaa...........|
    b1 |aaaaab..........|
    c3 |aaaaabccc.......|
    d1 |aaaaabcccd......|
    e4 |aaaaabcccdeeee..|
    f1 |aaaaabcccdeeeef.|
    -a |.....bcccdeeeef.|
    -c |.....b...deeeef.|
    -e |.....b...d....f.|
    g3 |.....bgggd....f.|
    h4 |.....bgggdhhhhf.|
    i5 |iiiiibgggdhhhhf.|
    j2 |iiiiibgggdhhhhf.| no free range holds 2 bytes aligned to 1: 1 bytes are free, 1 at most in one range
    ");
}

#[test]
fn takes_the_lowest_hole_when_asked() {
    insta::assert_snapshot!(run(16, 1, "a5 b1 c3 d1 e6 -a -c g3_ h3_ i2_"), @r"
    a5  |aaaaa...........|
    b1  |aaaaab..........|
    c3  |aaaaabccc.......|
    d1  |aaaaabcccd......|
    e6  |aaaaabcccdeeeeee|
    -a  |.....bcccdeeeeee|
    -c  |.....b...deeeeee|
    g3_ |ggg..b...deeeeee|
    h3_ |ggg..bhhhdeeeeee|
    i2_ |gggiibhhhdeeeeee|
    ");
}

#[test]
fn padding_stays_free() {
    insta::assert_snapshot!(run(16, 1, "a1 b4@3 c4@4 d2 e1@8 -b f6 -c g4@12"), @r"
    a1    |a...............|
    b4@3  |a..bbbb.........|
    c4@4  |a..bbbb.cccc....|
    d2    |addbbbb.cccc....|
    e1@8  |addbbbb.cccc....| no free range holds 1 bytes aligned to 8: 5 bytes are free, 4 at most in one range
    -b    |add.....cccc....|
    f6    |add.....cccc....| no free range holds 6 bytes aligned to 1: 9 bytes are free, 5 at most in one range
    -c    |add.............|
    g4@12 |add.........gggg|
    ");
}

#[test]
fn a_shorter_hole_that_lies_badly_is_passed_over() {
    insta::assert_snapshot!(run(16, 1, "a1 b3 c1 d5 e6 -b -d f2@4 g3@5"), @r"
    a1   |a...............|
    b3   |abbb............|
    c1   |abbbc...........|
    d5   |abbbcddddd......|
    e6   |abbbcdddddeeeeee|
    -b   |a...cdddddeeeeee|
    -d   |a...c.....eeeeee|
    f2@4 |a...c...ffeeeeee|
    g3@5 |a...cgggffeeeeee|
    ");
}

#[test]
fn alignments_need_not_be_powers_of_two() {
    insta::assert_snapshot!(run(80, 4, "a4 b24@12 c20@20 d1@36 -a -c e8@20"), @r"
    a4     |a...................|
    b24@12 |a..bbbbbb...........|
    c20@20 |a..bbbbbb.ccccc.....|
    d1@36  |a..bbbbbbdccccc.....|
    -a     |...bbbbbbdccccc.....|
    -c     |...bbbbbbd..........|
    e8@20  |ee.bbbbbbd..........|
    ");
}

#[test]
fn places_where_it_is_told() {
    insta::assert_snapshot!(run(16, 1, "a4=6 b2=0 c2=14 d3=3 e1=12 f3=12 g1=2 h1=16 i4=4"), @r"
    a4=6  |......aaaa......|
    b2=0  |bb....aaaa......|
    c2=14 |bb....aaaa....cc|
    d3=3  |bb.dddaaaa....cc|
    e1=12 |bb.dddaaaa..e.cc|
    f3=12 |bb.dddaaaa..e.cc| the range 12+3 is asked for, but 12+1 is live
    g1=2  |bbgdddaaaa..e.cc|
    h1=16 |bbgdddaaaa..e.cc| a range up to 17 bytes is asked for, the whole space has 16
    i4=4  |bbgdddaaaa..e.cc| the range 4+4 is asked for, but 3+3 is live
    ");
}

#[test]
fn grows_and_shrinks_where_it_lies() {
    insta::assert_snapshot!(
        run(16, 1, "a4 b4 c2 -b a>6 a>9 a>8 a<2 a>2 b1 a<3 c<1 c>7 c>1 -c a<0 a<1 -a"), @r"
    a4  |aaaa............|
    b4  |aaaabbbb........|
    c2  |aaaabbbbcc......|
    -b  |aaaa....cc......|
    a>6 |aaaaaa..cc......|
    a>9 |aaaaaa..cc......| 9 bytes are asked for, the range has room for 8
    a>8 |aaaaaaaacc......|
    a<2 |aa......cc......|
    a>2 |aa......cc......|
    b1  |aab.....cc......|
    a<3 |aab.....cc......| 3 bytes are asked for, the range has 2: shrink it to less, grow it to more
    c<1 |aab.....c.......|
    c>7 |aab.....ccccccc.|
    c>1 |aab.....ccccccc.| 1 bytes are asked for, the range has 7: shrink it to less, grow it to more
    -c  |aab.............|
    a<0 |aab.............| a range must keep at least one byte
    a<1 |a.b.............|
    -a  |..b.............|
    ");
}

/// Lengths above the exact bins: the next bin with a range long enough is the one to look into.
#[test]
fn among_long_ranges_the_shortest_that_fits_is_found() {
    let len = ByteLen::new;
    let mut space = Space::new(len(12_000), len(1)).expect("a good space");
    let mut cut = |at: u64, bytes: u64| {
        let placed = space.alloc_at(ByteOffset::new(at), len(bytes));
        placed.expect("it is free").id
    };
    let first = cut(0, 5_000);
    cut(5_000, 100);
    let second = cut(5_100, 5_130);
    cut(10_230, 1_770);
    space.free(first).expect("it is live");
    space.free(second).expect("it is live");
    let found = space.alloc(len(5_050), Align::ONE).expect("5 130 are free");
    assert_eq!(found.range.start, ByteOffset::new(5_100), "S8");
}

/// S8: where the bin of a request has only shorter ranges, the search goes on in longer bins, the
/// next one or one far off, and never takes a range that is too short.
#[test]
fn a_bin_of_several_lengths_may_hold_none_that_fits() {
    fn check(holes: &[u64], len: u64, start: Option<u64>) {
        let total: u64 = holes.iter().map(|hole| hole + 10).sum();
        let mut space = Space::new(ByteLen::new(total), ByteLen::new(1)).unwrap();
        let mut at = 0;
        for hole in holes {
            at += hole;
            space
                .alloc_at(ByteOffset::new(at), ByteLen::new(10))
                .unwrap();
            at += 10;
        }
        let placed = space.alloc(ByteLen::new(len), Align::ONE);
        let placed = placed.ok().map(|new| new.range.start.get());
        assert_eq!(placed, start, "{len} in holes of {holes:?}");
        space.validate();
    }
    // 4096 to 4127 units share a bin, 4128 to 4159 the next one.
    check(&[4_100, 4_130], 4_110, Some(4_110));
    check(&[4_100, 4_101, 4_130], 4_110, Some(8_221));
    check(&[4_100, 4_120, 4_130], 4_110, Some(4_110));
    check(&[4_100, 9_000], 4_110, Some(4_110));
    check(&[4_100, 4_200, 9_000], 4_201, Some(8_320));
    check(&[4_100, 4_105], 4_110, None);
    check(&[4_105, 4_100], 4_105, Some(0));
    check(&[100_000, 4_100], 100_000, Some(0));
    check(&[100_000, 99_990], 100_001, None);
}
