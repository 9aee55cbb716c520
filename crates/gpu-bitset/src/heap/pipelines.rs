//! Pipelines: each entry point compiled once.

use std::collections::BTreeMap;

use crate::heap::GpuHeapDesc;
use crate::passes::{self, Module, Pass};
use crate::shape::Shape;

/// The pipelines of a heap, by the names of their entry points.
#[derive(Debug)]
pub(super) struct Pipelines {
    by_entry: BTreeMap<&'static str, wgpu::ComputePipeline>,
}

impl Pipelines {
    pub(super) fn new(device: &wgpu::Device, desc: &GpuHeapDesc<'_>, shape: &Shape) -> Self {
        #[cfg(not(test))]
        let text = |module: Module| module.text(shape, desc.scan);
        #[cfg(test)]
        let text = |module: Module| crate::tests::planted(module.text(shape, desc.scan));
        let modules: BTreeMap<Module, wgpu::ShaderModule> = Module::ALL
            .into_iter()
            .map(|module| {
                let desc = wgpu::ShaderModuleDescriptor {
                    label: Some("gpu heap"),
                    source: wgpu::ShaderSource::Wgsl(text(module).into()),
                };
                (module, device.create_shader_module(desc))
            })
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
        let constants = [("WG", f64::from(desc.workgroup))];
        let compile = |pass: Pass| {
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(pass.entry),
                layout: None,
                module: &modules[&pass.module],
                entry_point: Some(pass.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    ..Default::default()
                },
                cache: None,
            });
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
