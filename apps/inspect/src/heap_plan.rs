//! Defragmentation plans for a heap that was dumped.

use std::collections::BTreeMap;
use std::fmt;

use geoheap_defrag::dump::{Reading, pools};
use geoheap_defrag::{Caps, Goal, Layout, LayoutError, Plan, Reason, Triggers};
use geoheap_heap_dump::{HandleName, HeapDump, LifetimeDump};
use geoheap_suballoc::ByteLen;
use serde_json::{Value, json};

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
    let mut planned = Planned {
        names: names(dump),
        ..Planned::default()
    };
    let reading = Reading {
        triggers: settings.triggers,
        with_long_lived: settings.with_long_lived,
        ..Reading::default()
    };
    for mut pool in pools(dump, &reading) {
        let unit = ByteLen::new(dump.unit_bytes);
        pool.layout.check(unit)?;
        let chunks = pool.layout.chunks.len();
        let plans = plan_pool(&mut pool.layout, unit, pool.victim, settings)?;
        planned.pools.push(PoolPlan {
            lifetime: pool.lifetime,
            class: pool.class,
            chunks,
            plans,
        });
    }
    Ok(planned)
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
        let is_returned = layout.follow(&plan);
        victim = plan.victim.filter(|_| !is_returned);
        // The last one is listed also if it moves nothing: it says why there is no other.
        plans.push(plan);
        if is_last {
            return Ok(plans);
        }
    }
}

/// Handle and label of each block, by the key that plans have.
fn names(dump: &HeapDump) -> BTreeMap<u64, String> {
    let named = dump.blocks.iter().map(|block| {
        let name = match &block.label {
            Some(label) => format!("{} ({})", block.handle, label.escape_debug()),
            None => block.handle.clone(),
        };
        let key = block.handle.parse().map_or(0, HandleName::to_bits);
        (key, name)
    });
    named.collect()
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
            let evicted = plan.evictions.iter().map(|one| one.key);
            let moved = plan.moves.iter().map(|one| one.key);
            for (list, keys) in [
                ("evictions", evicted.collect::<Vec<_>>()),
                ("moves", moved.collect()),
            ] {
                let items = value[list].as_array_mut().into_iter().flatten();
                for (one, key) in items.zip(keys) {
                    one["handle"] = json!(self.name(key).split(' ').next());
                }
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
                let evicted = plan.evictions.iter().map(|one| one.key);
                let mut keys = evicted.chain(plan.moves.iter().map(|one| one.key));
                for line in plan.to_string().lines() {
                    match line
                        .strip_prefix("  key ")
                        .and_then(|rest| rest.split_once(": "))
                    {
                        Some((_, rest)) => {
                            let key = keys.next().unwrap_or(0);
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
