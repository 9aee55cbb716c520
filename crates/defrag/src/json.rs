//! A plan as JSON.

use core::fmt;
use core::fmt::Write as _;

use crate::plan::{Eviction, Forecast, Move, Plan, Room};

impl Plan {
    /// The plan as one JSON object with `"schema": "geoheap-plan/1"`.
    ///
    /// Keys are strings, since many readers of JSON keep only 53 bits of a number; offsets,
    /// lengths and counts are numbers, fractions have six decimals.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\n  \"schema\": \"geoheap-plan/1\",\n");
        // Writing to a string cannot fail, so that there is no error to hand on.
        let _ = self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) -> fmt::Result {
        // The reason's text has neither quotes nor backslashes nor control characters.
        writeln!(json, "  \"reason\": \"{}\",", self.reason)?;
        match self.victim {
            Some(victim) => writeln!(json, "  \"victim\": {victim},")?,
            None => writeln!(json, "  \"victim\": null,")?,
        }
        match self.room {
            Some(Room { chunk, range }) => writeln!(
                json,
                "  \"room\": {{\"chunk\": {chunk}, \"start\": {}, \"len\": {}}},",
                range.start, range.len
            )?,
            None => writeln!(json, "  \"room\": null,")?,
        }
        list(json, "evictions", &self.evictions, write_eviction)?;
        list(json, "moves", &self.moves, write_move)?;
        list(json, "later", &self.later, write_move)?;
        writeln!(json, "  \"oversized\": {},", self.is_oversized)?;
        write_forecast(json, &self.forecast)?;
        writeln!(json, "  \"steps\": {},", self.steps)?;
        writeln!(json, "  \"stopped\": \"{}\"", self.stopped)?;
        write!(json, "}}")
    }
}

/// A list with one object a line.
fn list<T>(
    json: &mut String,
    name: &str,
    items: &[T],
    write: fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    write!(json, "  \"{name}\": [")?;
    for (nth, one) in items.iter().enumerate() {
        write!(json, "{}\n    ", if nth == 0 { "" } else { "," })?;
        write(json, one)?;
    }
    writeln!(json, "{}],", if items.is_empty() { "" } else { "\n  " })
}

fn write_eviction(json: &mut String, one: &Eviction) -> fmt::Result {
    let Eviction { key, chunk, range } = one;
    write!(
        json,
        "{{\"key\": \"{key}\", \"chunk\": {chunk}, \"start\": {}, \"len\": {}}}",
        range.start, range.len
    )
}

fn write_move(json: &mut String, one: &Move) -> fmt::Result {
    let Move {
        key,
        from_chunk,
        from,
        to_chunk,
        to,
        closes_gaps,
    } = one;
    write!(
        json,
        "{{\"key\": \"{key}\", \"from_chunk\": {from_chunk}, \"from\": {}, \"len\": {}, \
         \"to_chunk\": {to_chunk}, \"to\": {to}, \"closes_gaps\": {closes_gaps}}}",
        from.start, from.len
    )
}

fn write_forecast(json: &mut String, forecast: &Forecast) -> fmt::Result {
    let Forecast {
        chunks_returned,
        is_proven,
        bytes_moved,
        bytes_left,
        bytes_evicted,
        free_fraction_before,
        free_fraction_after,
    } = forecast;
    writeln!(
        json,
        "  \"forecast\": {{\"chunks_returned\": {chunks_returned}, \"proven\": {is_proven}, \
         \"bytes_moved\": {bytes_moved}, \"bytes_left\": {bytes_left}, \
         \"bytes_evicted\": {bytes_evicted}, \
         \"free_fraction_before\": {free_fraction_before:.6}, \
         \"free_fraction_after\": {free_fraction_after:.6}}},"
    )
}
