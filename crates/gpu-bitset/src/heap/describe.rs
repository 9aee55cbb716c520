//! From a description to a shape: all checks.

use crate::error::HeapError;
use crate::heap::{GpuHeapDesc, Scan};
use crate::records::{FREES_MAX, STREAMS_MAX, UNITS_MAX};
use crate::shape::{BUFFERS_MAX, Shape};

/// Storage buffers of the pass that wants most, the copy of a heap of four buffers.
const STORAGE_BUFFERS: u32 = 8;
/// Bytes of workgroup memory of the pass that wants most.
const WORKGROUP_BYTES: u32 = 4096;

pub(super) fn shape(desc: &GpuHeapDesc<'_>, device: &wgpu::Device) -> Result<Shape, HeapError> {
    let limits = &device.limits();
    check_limits(desc, limits)?;
    check_subgroups(desc, device)?;
    if desc.units == 0 || desc.units > UNITS_MAX {
        return Err(HeapError::Units {
            units: desc.units,
            units_max: UNITS_MAX,
        });
    }
    let streams = desc.streams.len();
    if streams == 0 || streams > STREAMS_MAX {
        return Err(HeapError::Streams {
            streams,
            streams_max: STREAMS_MAX,
        });
    }
    if desc.slots == 0 || desc.slots > UNITS_MAX {
        return Err(HeapError::Slots {
            slots: desc.slots,
            slots_max: UNITS_MAX,
        });
    }
    let mut unit_bytes = [0; STREAMS_MAX];
    let mut buffers = 1;
    for (stream, described) in desc.streams.iter().enumerate() {
        let bytes = described.unit_bytes;
        let is_other = desc.separate && bytes != desc.streams[0].unit_bytes;
        if bytes == 0 || bytes % 16 != 0 || is_other {
            return Err(HeapError::UnitBytes {
                stream,
                unit_bytes: bytes,
            });
        }
        unit_bytes[stream] = bytes;
        buffers = buffers.max(buffers_of(stream, desc.units, bytes, limits)?);
    }
    // The guards need bits, too.
    let units = desc.units.min(UNITS_MAX - (buffers - 1));
    let units_per_buffer = units / buffers;
    let shape = Shape {
        units: units_per_buffer * buffers + buffers - 1,
        buffers,
        units_per_buffer,
        slots: desc.slots,
        streams: u32::try_from(streams).expect("four at most"),
        separate: desc.separate,
        unit_bytes,
    };
    let asked = [
        (desc.requests_max, shape.requests_max()),
        (desc.frees_max, FREES_MAX),
    ];
    for (requests, requests_max) in asked {
        if requests == 0 || requests > requests_max {
            return Err(HeapError::Requests {
                requests,
                requests_max,
            });
        }
    }
    Ok(shape)
}

/// Sums by subgroups need full ones, of which a workgroup has at most 64.
fn check_subgroups(desc: &GpuHeapDesc<'_>, device: &wgpu::Device) -> Result<(), HeapError> {
    if desc.scan == Scan::Steps {
        return Ok(());
    }
    let info = device.adapter_info();
    let has = device.features().contains(wgpu::Features::SUBGROUP);
    let (least, most) = (info.subgroup_min_size, info.subgroup_max_size);
    if has && least >= 4 && most <= desc.workgroup {
        return Ok(());
    }
    Err(HeapError::Subgroups {
        lanes: has.then_some((least, most)),
    })
}

fn buffer_bytes_max(limits: &wgpu::Limits) -> u64 {
    limits
        .max_storage_buffer_binding_size
        .min(limits.max_buffer_size)
}

fn buffers_of(
    stream: usize,
    units: u32,
    unit_bytes: u32,
    limits: &wgpu::Limits,
) -> Result<u32, HeapError> {
    let buffer_bytes_max = buffer_bytes_max(limits);
    let error = |needed| HeapError::Buffers {
        stream,
        needed,
        buffers_max: BUFFERS_MAX,
        buffer_bytes_max,
    };
    let units_max = buffer_bytes_max / u64::from(unit_bytes);
    if units_max == 0 {
        return Err(error(u64::MAX));
    }
    let needed = u64::from(units).div_ceil(units_max);
    match u32::try_from(needed) {
        Ok(needed) if needed <= BUFFERS_MAX => Ok(needed),
        _ => Err(error(needed)),
    }
}

fn check_limits(desc: &GpuHeapDesc<'_>, limits: &wgpu::Limits) -> Result<(), HeapError> {
    let invocations_max = limits
        .max_compute_invocations_per_workgroup
        .min(limits.max_compute_workgroup_size_x);
    if ![64, 128, 256].contains(&desc.workgroup) || desc.workgroup > invocations_max {
        return Err(HeapError::Workgroup {
            invocations: desc.workgroup,
            invocations_max,
        });
    }
    let needs = [
        (
            "max_storage_buffers_per_shader_stage",
            STORAGE_BUFFERS,
            limits.max_storage_buffers_per_shader_stage,
        ),
        (
            "max_compute_workgroup_storage_size",
            WORKGROUP_BYTES,
            limits.max_compute_workgroup_storage_size,
        ),
        (
            "max_compute_workgroups_per_dimension",
            u32::from(u16::MAX),
            limits.max_compute_workgroups_per_dimension,
        ),
    ];
    for (name, needed, limit) in needs {
        if limit < needed {
            return Err(HeapError::Limit {
                name,
                needed: needed.into(),
                limit: limit.into(),
            });
        }
    }
    // The handle table is one binding.
    let needed = u64::from(desc.slots) * size_of::<crate::Slot>() as u64;
    let limit = buffer_bytes_max(limits);
    if needed > limit {
        return Err(HeapError::Limit {
            name: "max_storage_buffer_binding_size",
            needed,
            limit,
        });
    }
    Ok(())
}
