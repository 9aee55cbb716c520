//! Events in an order that may be.

use std::sync::LazyLock;

use geoheap_trace::{
    Add, BlockId, Event, Kind, LAG_MAX, LifetimeName, Part, PartNo, Settings, SourceName, State,
};
use proptest::prelude::*;
use smallvec::SmallVec;

/// Labels that the format must carry.
const LABELS: [&str; 7] = [
    "",
    "rock",
    "a rock",
    "100%",
    "#1=\t\r\n",
    "\u{e9}\u{2028}\u{1f5ff}",
    "%20",
];

fn block_id() -> impl Strategy<Value = BlockId> {
    prop_oneof![9 => 0..6_u64, 1 => u64::MAX - 2..=u64::MAX].prop_map(BlockId)
}

fn part_no() -> impl Strategy<Value = PartNo> {
    prop_oneof![9 => 0..4_u32, 1 => u32::MAX - 1..=u32::MAX].prop_map(PartNo)
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![1..100_u64, (1..30_u64).prop_map(|n| n * 36), Just(1 << 40)]
}

fn priority() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), Just(128), Just(255)]
}

fn label() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&LABELS[..])
}

fn part() -> impl Strategy<Value = Part> {
    let kind = prop::sample::select(&[Kind::Vertex, Kind::Index, Kind::Uniform, Kind::Storage][..]);
    let align = prop_oneof![3 => Just(1_u32), 1 => 2..300_u32, 1 => Just(u32::MAX)];
    let stride = prop::sample::select(&[0_u32, 0, 1, 2, 4, 12, 36][..]);
    (kind, bytes(), align, stride).prop_map(|(kind, bytes, align, stride)| {
        let mut part = Part {
            bytes,
            kind,
            align,
            stride,
        };
        if kind == Kind::Index && !matches!(stride, 0 | 2 | 4) {
            part.stride = 4;
        }
        let step = u64::from(part.stride_or_default().max(1));
        part.bytes = (bytes / step).max(1) * step;
        part
    })
}

fn add() -> impl Strategy<Value = Event<'static>> {
    let lifetime = prop_oneof![Just(LifetimeName::Dynamic), Just(LifetimeName::Long)];
    let source = prop::sample::select(
        &[
            SourceName::Retained,
            SourceName::Reload,
            SourceName::ReadBack,
            SourceName::None,
        ][..],
    );
    (
        block_id(),
        prop::collection::vec(part(), 1..4),
        prop_oneof![Just(0), 1..1000_u64],
        lifetime,
        prop::option::of(priority()),
        source,
        prop::option::of(label()),
    )
        .prop_map(|(id, parts, spare, lifetime, priority, source, label)| {
            Event::Add(Add {
                id,
                parts: SmallVec::from_vec(parts),
                spare,
                lifetime,
                priority,
                source,
                label,
            })
        })
}

fn setting() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(1..=1_u64 << 40)
}

fn config() -> impl Strategy<Value = Event<'static>> {
    (setting(), setting(), setting(), setting()).prop_map(
        |(chunk_bytes, long_chunk_bytes, staging_bytes, tick_upload_bytes)| {
            Event::Config(Settings {
                chunk_bytes,
                long_chunk_bytes,
                staging_bytes,
                tick_upload_bytes,
            })
        },
    )
}

/// Any event.
fn event() -> impl Strategy<Value = Event<'static>> {
    let of_block = (block_id(), 0..8_u8).prop_map(|(id, which)| match which {
        0 => Event::Remove(id),
        1 => Event::Share(id),
        2 => Event::Use(id),
        3 => Event::Pin(id),
        4 => Event::Unpin(id),
        5 => Event::Await(id),
        6 => Event::Evict(id),
        _ => Event::Prefetch(id),
    });
    let update = (
        block_id(),
        prop::collection::vec(bytes(), 1..4),
        any::<bool>(),
    );
    let lifetime = prop_oneof![Just(LifetimeName::Dynamic), Just(LifetimeName::Long)];
    let lag = prop::option::of(prop_oneof![0..4_u32, Just(1 << 16)]);
    prop_oneof![
        6 => add(),
        6 => of_block,
        3 => update.prop_map(|(id, parts, in_place)| {
            let parts = SmallVec::from_vec(parts);
            Event::Update { id, parts, in_place }
        }),
        3 => (block_id(), part_no(), part())
            .prop_map(|(id, no, part)| Event::Part { id, no, part }),
        2 => (block_id(), part_no(), bytes())
            .prop_map(|(id, no, bytes)| Event::PartUpdate { id, no, bytes }),
        2 => (block_id(), part_no()).prop_map(|(id, no)| Event::PartRemove { id, no }),
        1 => (block_id(), priority()).prop_map(|(id, priority)| Event::Priority(id, priority)),
        1 => (block_id(), lifetime).prop_map(|(id, name)| Event::Lifetime(id, name)),
        1 => (block_id(), label()).prop_map(|(id, label)| Event::Label(id, label)),
        2 => lag.prop_map(|lag| Event::Frame { lag }),
        1 => prop_oneof![Just(1), 2..=1_000_000_u32].prop_map(|count| Event::Tick { count }),
        1 => (1..=u64::MAX).prop_map(Event::Budget),
        1 => prop_oneof![Just(Event::Compact), Just(Event::Trim), Just(Event::End)],
    ]
}

/// Up to so many events that may follow one another.
pub(crate) fn events(max: usize) -> impl Strategy<Value = Vec<Event<'static>>> {
    let all = prop::collection::vec(event(), 0..max);
    (prop::option::of(config()), all).prop_map(|(config, all)| {
        let mut state = State::new();
        let mut events: Vec<_> = config.into_iter().chain(all).collect();
        events.retain(|event| state.apply(event).is_ok());
        events
    })
}

/// A label of characters that are written as nine bytes each; with it, a line may be too long.
static LONG_LABEL: LazyLock<String> = LazyLock::new(|| "\u{2028}".repeat(120_000));

/// A part that no heap may take.
fn wild_part() -> impl Strategy<Value = Part> {
    let kinds = [Kind::Vertex, Kind::Index, Kind::Storage, Kind::Mesh];
    let bytes = prop::sample::select(&[0, 1, 2, 36, 1 << 40, (1 << 40) + 1, u64::MAX][..]);
    let align = prop::sample::select(&[0, 1, 1, 5][..]);
    let stride = prop::sample::select(&[0, 0, 1, 2, 3, 4, 36][..]);
    (prop::sample::select(kinds.to_vec()), bytes, align, stride).prop_map(
        |(kind, bytes, align, stride)| Part {
            bytes,
            kind,
            align,
            stride,
        },
    )
}

/// An event that no line may say.
fn wild_event() -> impl Strategy<Value = Event<'static>> {
    let parts = prop_oneof![
        9 => prop::collection::vec(wild_part(), 0..3),
        1 => Just(vec![Part::new(Kind::Vertex, 1); 4097]),
    ];
    let spare = prop::sample::select(&[0, 0, 1 << 40, (1 << 40) + 1][..]);
    let number = prop::sample::select(&[0, 1, 36, 1 << 40, u64::MAX][..]);
    let add = (block_id(), parts, spare, any::<bool>()).prop_map(|(id, parts, spare, long)| {
        let mut add = Add::new(id, SmallVec::from_vec(parts));
        add.spare = spare;
        // A character that is written as nine.
        add.label = long.then_some(LONG_LABEL.as_str());
        Event::Add(add)
    });
    prop_oneof![
        4 => add,
        2 => (block_id(), part_no(), wild_part())
            .prop_map(|(id, no, part)| Event::Part { id, no, part }),
        1 => (block_id(), part_no(), number.clone())
            .prop_map(|(id, no, bytes)| Event::PartUpdate { id, no, bytes }),
        2 => (block_id(), prop::collection::vec(number.clone(), 0..3)).prop_map(|(id, parts)| {
            let parts = SmallVec::from_vec(parts);
            Event::Update { id, parts, in_place: false }
        }),
        1 => prop::sample::select(&[0, LAG_MAX, LAG_MAX + 1][..])
            .prop_map(|lag| Event::Frame { lag: Some(lag) }),
        1 => prop_oneof![0..2_u32, 999_999..1_000_002_u32].prop_map(|count| Event::Tick { count }),
        1 => number.clone().prop_map(Event::Budget),
        1 => number.prop_map(|bytes| {
            Event::Config(Settings { staging_bytes: Some(bytes), ..Settings::default() })
        }),
    ]
}

/// Events of which many are none; the state takes those that are left.
pub(crate) fn wild_events(max: usize) -> impl Strategy<Value = Vec<Event<'static>>> {
    let any = prop_oneof![event(), wild_event()];
    prop::collection::vec(any, 0..max).prop_map(|mut events| {
        let mut state = State::new();
        events.retain(|event| state.apply(event).is_ok());
        events
    })
}
