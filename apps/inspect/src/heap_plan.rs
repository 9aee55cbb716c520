//! Defragmentation plans for a heap that was dumped.

use std::collections::BTreeMap;
use std::fmt;

use geoheap_defrag::{
    Caps, ChunkView, Goal, Layout, LayoutError, Plan, RangeState, RangeView, Reason, Triggers,
};
use geoheap_heap_dump::{
    BlockDump, ChunkDump, ChunkStateDump, HandleName, HeapDump, LifetimeDump, RangeDump,
    RangeStateDump,
};
use geoheap_suballoc::{Align, ByteLen, ByteOffset, ByteRange};
use serde_json::{Value, json};

use crate::block_index::BlockIndex;

/// How plans are made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What one plan may move.
    pub caps: Caps,
    /// When a plan is worth a look.
    pub triggers: Triggers,
    /// Plans are made without a trigger, and at any price.
    pub is_asked_for: bool,
    /// Long-lived blocks may move.
    pub with_long_lived: bool,
    /// Each plan is followed in thought, and the next one made, until there is none.
    pub until_done: bool,
}

/// The plans for the chunks that exchange blocks with one another.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    /// Whose blocks the chunks hold.
    pub lifetime: LifetimeDump,
    /// The class of the chunks.
    pub class: u8,
    /// Chunks that were looked at.
    pub chunks: usize,
    /// Each goes on where the one before ends. Empty where no trigger was set off.
    pub plans: Vec<Plan>,
}

/// What was planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// By lifetime and class.
    pub pools: Vec<PoolPlan>,
    /// Handle and label of each block, by the key that plans have.
    names: BTreeMap<u64, String>,
}

/// Plans for a heap that keeps the rules of a dump.
///
/// # Errors
/// [`LayoutError`] where a chunk is longer than a plan can look at.
pub fn plan(dump: &HeapDump, settings: &Settings) -> Result<Planned, LayoutError> {
    let blocks = Blocks(BlockIndex::new(dump));
    let mut planned = Planned {
        names: blocks.names(),
        ..Planned::default()
    };
    for ((lifetime, class), chunks) in pools(dump, settings) {
        let draining = chunks
            .iter()
            .find(|chunk| chunk.state == ChunkStateDump::Draining)
            .map(|chunk| chunk.id);
        let mut layout = Layout {
            chunks: chunks.iter().map(|chunk| blocks.view(chunk)).collect(),
        };
        let unit = ByteLen::new(dump.unit_bytes);
        layout.check(unit)?;
        let plans = plan_pool(&mut layout, unit, draining, settings)?;
        planned.pools.push(PoolPlan {
            lifetime,
            class,
            chunks: chunks.len(),
            plans,
        });
    }
    Ok(planned)
}

type Pools<'a> = BTreeMap<(LifetimeDump, u8), Vec<&'a ChunkDump>>;

/// Shared chunks whose blocks may move, with those that they may exchange them with.
fn pools<'a>(dump: &'a HeapDump, settings: &Settings) -> Pools<'a> {
    let mut pools = Pools::new();
    for chunk in &dump.chunks {
        let may_move = chunk.lifetime == LifetimeDump::Dynamic || settings.with_long_lived;
        if may_move && !chunk.dedicated && chunk.state != ChunkStateDump::Closing {
            let key = (chunk.lifetime, chunk.class);
            pools.entry(key).or_default().push(chunk);
        }
    }
    pools
}

fn plan_pool(
    layout: &mut Layout,
    unit: ByteLen,
    mut victim: Option<u32>,
    settings: &Settings,
) -> Result<Vec<Plan>, LayoutError> {
    let mut plans: Vec<Plan> = Vec::new();
    loop {
        let reason = if settings.is_asked_for || victim.is_some() {
            Some(Reason::Requested)
        } else {
            settings.triggers.check(layout)
        };
        let Some(reason) = reason else {
            return Ok(plans);
        };
        let mut goal = Goal::new(reason);
        goal.unit = unit;
        if settings.is_asked_for {
            goal.price_max_fraction = 1.0;
        }
        let plan = geoheap_defrag::plan(layout, &settings.caps, &goal, victim)?;
        let is_last = plan.moves.is_empty() || !settings.until_done;
        victim = plan.victim.filter(|id| !follow(layout, &plan, *id));
        // The last one is listed also if it moves nothing: it says why there is no other.
        plans.push(plan);
        if is_last {
            return Ok(plans);
        }
    }
}

/// Carries a plan out on the layout. Whether its victim is empty then; it is gone, with all that
/// is retired in it.
fn follow(layout: &mut Layout, plan: &Plan, victim: u32) -> bool {
    for one in &plan.moves {
        let from = layout
            .chunks
            .iter_mut()
            .find(|chunk| chunk.id == one.from_chunk);
        let from = from.expect("D2: a victim of this layout");
        let at = from.ranges.iter().position(|range| range.range == one.from);
        let mut range = from.ranges.remove(at.expect("D4: a range that is there"));
        range.range.start = one.to;
        let to = layout
            .chunks
            .iter_mut()
            .find(|chunk| chunk.id == one.to_chunk);
        let to = to.expect("D2: a receiver of this layout");
        let at = to
            .ranges
            .partition_point(|other| other.range.start < one.to);
        to.ranges.insert(at, range);
    }
    let is_empty = layout.chunks.iter().any(|chunk| {
        let is_retired = |range: &RangeView| range.state == RangeState::Retired;
        chunk.id == victim && chunk.ranges.iter().all(is_retired)
    });
    if is_empty {
        layout.chunks.retain(|chunk| chunk.id != victim);
    } else if let Some(chunk) = layout.chunks.iter_mut().find(|chunk| chunk.id == victim) {
        chunk.receives = false;
    }
    is_empty
}

/// Blocks as plans see them.
struct Blocks<'a>(BlockIndex<'a>);

impl Blocks<'_> {
    fn names(&self) -> BTreeMap<u64, String> {
        let named = self.0.iter().map(|block| {
            let name = match &block.label {
                Some(label) => format!("{} ({})", block.handle, label.escape_debug()),
                None => block.handle.clone(),
            };
            (key(&block.handle), name)
        });
        named.collect()
    }

    fn view(&self, chunk: &ChunkDump) -> ChunkView {
        ChunkView {
            id: chunk.id,
            capacity: ByteLen::new(chunk.capacity),
            receives: chunk.state == ChunkStateDump::Open,
            evacuable: chunk.state != ChunkStateDump::Opening,
            ranges: chunk
                .ranges
                .iter()
                .map(|range| self.view_range(range))
                .collect(),
        }
    }

    fn view_range(&self, range: &RangeDump) -> RangeView {
        let handle = range.handle.as_deref();
        let block = handle.and_then(|handle| self.0.get(handle));
        let state = match (range.state, block) {
            (RangeStateDump::Retired, _) => RangeState::Retired,
            (RangeStateDump::Live, Some(block)) if self.is_movable(block) => RangeState::Movable,
            _ => RangeState::Fixed,
        };
        let align = block.and_then(|block| Align::new(block.alignment));
        RangeView {
            key: handle.map_or(0, key),
            range: ByteRange::new(ByteOffset::new(range.offset), ByteLen::new(range.size)),
            align: align.unwrap_or(Align::ONE),
            state,
            cold: false,
            has_gaps: false,
        }
    }

    fn is_movable(&self, block: &BlockDump) -> bool {
        block.pins == 0 && !self.0.is_busy(block)
    }
}

/// The engine's number for a handle; 0 for what is none.
fn key(handle: &str) -> u64 {
    handle.parse().map_or(0, HandleName::to_bits)
}

impl Planned {
    fn name(&self, key: u64) -> &str {
        self.names.get(&key).map_or("?", String::as_str)
    }

    fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.pools.iter().flat_map(|pool| &pool.plans)
    }

    /// Chunks that come back once all is done: each victim counts once.
    fn chunks_returned(&self) -> u32 {
        let of_pool = |pool: &PoolPlan| -> u32 {
            let plans = pool
                .plans
                .iter()
                .zip(pool.plans.iter().skip(1).map(Some).chain([None]));
            let last =
                plans.filter(|(plan, next)| next.is_none_or(|next| next.victim != plan.victim));
            last.map(|(plan, _)| plan.forecast.chunks_returned).sum()
        };
        self.pools.iter().map(of_pool).sum()
    }

    fn bytes_moved(&self) -> u64 {
        self.plans()
            .map(|plan| plan.forecast.bytes_moved.get())
            .sum()
    }

    /// One object with `"schema": "geoheap-plans/1"`; each plan in it is as
    /// [`Plan::to_json`] has it, and its moves have their blocks' handles beside.
    ///
    /// # Panics
    /// If a plan's own JSON is none.
    pub fn to_json(&self) -> String {
        let pools: Vec<Value> = self.pools.iter().map(|pool| self.pool_json(pool)).collect();
        let whole = json!({
            "schema": "geoheap-plans/1",
            "chunks_returned": self.chunks_returned(),
            "bytes_moved": self.bytes_moved(),
            "pools": pools,
        });
        format!("{whole:#}")
    }

    fn pool_json(&self, pool: &PoolPlan) -> Value {
        let plans = pool.plans.iter().map(|plan| {
            let mut value: Value =
                serde_json::from_str(&plan.to_json()).expect("a plan writes sound JSON");
            let moves = value["moves"].as_array_mut().into_iter().flatten();
            for (one, of_plan) in moves.zip(&plan.moves) {
                let name = self.name(of_plan.key);
                one["handle"] = json!(name.split(' ').next());
            }
            value
        });
        json!({
            "lifetime": pool.lifetime.name(),
            "class": pool.class,
            "chunks": pool.chunks,
            "plans": plans.collect::<Vec<_>>(),
        })
    }
}

/// Stable text: the same heap and settings always read the same. As [`Plan`] prints itself, with
/// handles and labels in the place of keys.
impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pools.is_empty() {
            return f.write_str("no chunks whose blocks could move");
        }
        for pool in &self.pools {
            let (lifetime, class) = (pool.lifetime.name(), pool.class);
            let plural = if pool.chunks == 1 { "" } else { "s" };
            writeln!(
                f,
                "{} {lifetime} chunk{plural} of class {class}",
                pool.chunks
            )?;
            if pool.plans.is_empty() {
                writeln!(
                    f,
                    "nothing to do: no trigger is set off (--now plans all the same)"
                )?;
            }
            for (nth, plan) in pool.plans.iter().enumerate() {
                writeln!(f, "plan {}", nth + 1)?;
                let mut moves = plan.moves.iter();
                for line in plan.to_string().lines() {
                    match line
                        .strip_prefix("  key ")
                        .and_then(|rest| rest.split_once(": "))
                    {
                        Some((_, rest)) => {
                            let key = moves.next().map_or(0, |one| one.key);
                            writeln!(f, "    {}: {rest}", self.name(key))?;
                        }
                        None => writeln!(f, "  {line}")?,
                    }
                }
            }
        }
        let (chunks, bytes) = (self.chunks_returned(), self.bytes_moved());
        let plural = if chunks == 1 { "" } else { "s" };
        write!(
            f,
            "in all: {bytes} bytes moved, {chunks} chunk{plural} returned"
        )
    }
}

#[cfg(test)]
mod tests;
