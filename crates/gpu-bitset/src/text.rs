//! The text of the shaders, put together from pieces.

use crate::passes::{FIRST_PERMANENT, Module};

impl Module {
    /// The whole text of the module; that of the copy lacks what [`copy_text`] adds.
    pub(crate) fn text(self, scan: Scan) -> String {
        let own = match self {
            Self::Frees => include_str!("shaders/frees.wgsl"),
            Self::Requests => include_str!("shaders/requests.wgsl"),
            Self::Sort => include_str!("shaders/sort.wgsl"),
            Self::Runs => include_str!("shaders/runs.wgsl"),
            Self::Sweep => include_str!("shaders/sweep.wgsl"),
            Self::Resolve => include_str!("shaders/resolve.wgsl"),
            Self::Enter => include_str!("shaders/enter.wgsl"),
            Self::Claim => include_str!("shaders/claim.wgsl"),
            Self::Copy => include_str!("shaders/copy.wgsl"),
            Self::Single => include_str!("shaders/single.wgsl"),
            Self::Flips => include_str!("shaders/flips.wgsl"),
            Self::Draws => include_str!("shaders/draws.wgsl"),
        };
        let common = include_str!("shaders/common.wgsl");
        let workgroup = include_str!("shaders/workgroup.wgsl");
        let shared = match self {
            Self::Runs | Self::Claim => include_str!("shaders/free_runs.wgsl"),
            Self::Enter | Self::Single => include_str!("shaders/works.wgsl"),
            _ => "",
        };
        match scan {
            Scan::Steps => {
                let scan = include_str!("shaders/scan.wgsl");
                [common, workgroup, scan, shared, own].concat()
            }
            Scan::Subgroups => {
                let scan = include_str!("shaders/scan_subgroup.wgsl");
                with_subgroups(&[common, workgroup, scan, shared, own].concat())
            }
        }
    }
}

/// How the sums over a workgroup are made. No result depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// In workgroup memory alone.
    Steps,
    /// With subgroups, of any size up to 64.
    Subgroups,
}

/// The text with what an entry point has to be told of subgroups.
fn with_subgroups(text: &str) -> String {
    let builtins = ", @builtin(subgroup_id) subgroup_id: u32, \
                    @builtin(subgroup_invocation_id) lane: u32, \
                    @builtin(subgroup_size) lanes: u32";
    let set = "subgroup = vec3(subgroup_id, lane, lanes);";
    text.replace("/*{builtins}*/", builtins)
        .replace("//{subgroup}", set)
}

/// How many invocations copy a tile; neighbours take neighbouring vectors. No result depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyWidth {
    /// 64, for GPUs.
    Wide,
    /// 8, for drivers that run on the CPU: as many as it takes at a time. Where there are more, it
    /// takes some from end to end of the tile before the others, and what one pass leaves out
    /// keeps the CPU from reading ahead.
    Narrow,
}

impl CopyWidth {
    fn copiers(self) -> &'static str {
        match self {
            Self::Wide => "64u",
            Self::Narrow => "8u",
        }
    }
}

/// The copy's text, with as many permanent buffers as the heap has: none may be bound twice.
pub(crate) fn copy_text(scan: Scan, buffers: u32, width: CopyWidth) -> String {
    let declare = |buffer: u32| {
        let binding = FIRST_PERMANENT + buffer;
        format!(
            "@group(0) @binding({binding}) \
             var<storage, read_write> permanent_{buffer}: array<vec4<u32>>;"
        )
    };
    let copy_into = |buffer: u32| {
        include_str!("shaders/copy_into.wgsl").replace("{buffer}", &buffer.to_string())
    };
    let case = |buffer: u32| {
        let label = match buffer {
            0 => "default".to_owned(),
            _ => format!("case {buffer}u"),
        };
        format!("{label}: {{ copy_into_{buffer}(work, tid); }}")
    };
    let all = |lines: &dyn Fn(u32) -> String| {
        let lines: Vec<String> = (0..buffers).map(lines).collect();
        lines.join("\n")
    };
    let text = Module::Copy.text(scan);
    text.replace("//{buffers}", &all(&declare))
        .replace("//{copies}", &all(&copy_into))
        .replace("//{cases}", &all(&case))
        .replace("{copiers}", width.copiers())
}
