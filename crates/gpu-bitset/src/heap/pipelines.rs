//! Pipelines: each entry point compiled once.

use std::collections::BTreeMap;

use crate::heap::{CopyWidth, GpuHeapDesc};
use crate::passes::{self, Module, Pass};
use crate::shape::Shape;
use crate::text::copy_text;

/// The pipelines of a heap, by the names of their entry points.
#[derive(Debug)]
pub(super) struct Pipelines {
    by_entry: BTreeMap<&'static str, wgpu::ComputePipeline>,
}

impl Pipelines {
    pub(super) fn new(device: &wgpu::Device, desc: &GpuHeapDesc<'_>, shape: &Shape) -> Self {
        let width = desc.copy_width.unwrap_or_else(|| copy_width(device));
        let text = |module: Module| match module {
            Module::Copy => copy_text(desc.scan, shape.buffers, width),
            _ => module.text(desc.scan),
        };
        #[cfg(test)]
        let text = |module: Module| crate::tests::planted(text(module));
        let modules: BTreeMap<Module, wgpu::ShaderModule> = Module::ALL
            .into_iter()
            .map(|each| (each, module(device, text(each))))
            .collect();
        let mut all = vec![
            passes::free_claim(),
            passes::free_release(),
            passes::slot_claim(),
            passes::prepare(),
            passes::sort_few(),
            passes::runs_count(),
            passes::runs_emit(),
            passes::chunk_max(),
            passes::place(),
            passes::resolve(),
            passes::enter(),
            passes::tiles_scan(),
            passes::claim(),
            passes::finish(),
            passes::copy(0, shape),
            passes::single(),
        ];
        all.extend(passes::sort_digit(0));
        all.extend(passes::flips());
        let compile = |pass: Pass| {
            let pipeline = compile(device, &modules[&pass.module], pass.entry, desc.workgroup);
            (pass.entry, pipeline)
        };
        Self {
            by_entry: all.into_iter().map(compile).collect(),
        }
    }

    pub(super) fn of(&self, pass: &Pass) -> &wgpu::ComputePipeline {
        &self.by_entry[pass.entry]
    }
}

/// The width of copies that suits a device.
fn copy_width(device: &wgpu::Device) -> CopyWidth {
    match device.adapter_info().device_type {
        wgpu::DeviceType::Cpu => CopyWidth::Narrow,
        _ => CopyWidth::Wide,
    }
}

/// An entry point with workgroups of so many invocations.
pub(crate) fn compile(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    entry: &str,
    workgroup: u32,
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &[("WG", f64::from(workgroup))],
            ..Default::default()
        },
        cache: None,
    })
}

/// A shader module of that text.
pub(crate) fn module(device: &wgpu::Device, text: String) -> wgpu::ShaderModule {
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("gpu heap"),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    })
}

/// Sets a pipeline, with whole buffers at its bindings.
pub(crate) fn set<'a>(
    device: &wgpu::Device,
    pass: &mut wgpu::ComputePass<'_>,
    pipeline: &wgpu::ComputePipeline,
    buffers: impl Iterator<Item = (u32, &'a wgpu::Buffer)>,
) {
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, &bind_group(device, pipeline, buffers), &[]);
}

/// Whole buffers for a pipeline's bindings.
pub(super) fn bind_group<'a>(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    buffers: impl Iterator<Item = (u32, &'a wgpu::Buffer)>,
) -> wgpu::BindGroup {
    let entries: Vec<wgpu::BindGroupEntry<'_>> = buffers
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("gpu heap"),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
