//! The pipelines: solid things, the sky, the user interface, the heap view.

use geoheap::wgpu;

use super::instances::INSTANCE_BYTES;
use crate::content::mesh::VERTEX_STRIDE_BYTES;

/// The depth buffer's form. Depth is reversed: 1 at the eye, 0 at infinity.
pub(super) const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Bytes of the uniform block of a frame, as `common.wgsl` lays it out.
pub(super) const FRAME_UNIFORM_BYTES: u64 = 160;

const VERTEX_ATTRIBUTES: [wgpu::VertexAttribute; 3] =
    wgpu::vertex_attr_array![0 => Float32x3, 1 => Snorm8x4, 2 => Unorm8x4];
const INSTANCE_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    wgpu::vertex_attr_array![3 => Float32x3, 4 => Float32x3, 5 => Float32x2, 6 => Unorm8x4];

/// All pipelines and the layouts that they share.
#[derive(Clone, Debug)]
pub(super) struct Pipelines {
    /// Ground, buildings, trees, models, stand-ins.
    pub(super) lit: wgpu::RenderPipeline,
    /// The sky, where nothing solid was drawn.
    pub(super) sky: wgpu::RenderPipeline,
    /// The user interface.
    pub(super) flat: wgpu::RenderPipeline,
    /// A picture over the picture.
    pub(super) overlay: wgpu::RenderPipeline,
    /// Group 0: the frame's uniform block.
    pub(super) frame_layout: wgpu::BindGroupLayout,
    /// Group 1 of the overlay: its texture and sampler.
    pub(super) overlay_layout: wgpu::BindGroupLayout,
}

/// What tells the pipelines apart.
struct Variant {
    label: &'static str,
    source: &'static str,
    meshes: bool,
    cull: Option<wgpu::Face>,
    depth_write: bool,
    depth_compare: wgpu::CompareFunction,
    strip: bool,
    blend: Option<wgpu::BlendState>,
}

impl Pipelines {
    /// Makes the pipelines for pictures of `format`.
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let frame_layout = frame_layout(device);
        let overlay_layout = overlay_layout(device);
        let frame_only = [Some(&frame_layout)];
        let with_overlay = [Some(&frame_layout), Some(&overlay_layout)];
        let make = |groups, variant| pipeline(device, format, groups, &variant);
        let plain = Variant {
            label: "lit",
            source: include_str!("lit.wgsl"),
            meshes: true,
            cull: Some(wgpu::Face::Back),
            depth_write: true,
            depth_compare: wgpu::CompareFunction::GreaterEqual,
            strip: false,
            blend: None,
        };
        let over = Variant {
            cull: None,
            depth_write: false,
            depth_compare: wgpu::CompareFunction::Always,
            blend: Some(wgpu::BlendState::ALPHA_BLENDING),
            ..plain
        };
        Self {
            sky: make(
                &frame_only,
                Variant {
                    label: "sky",
                    source: include_str!("sky.wgsl"),
                    meshes: false,
                    depth_write: false,
                    cull: None,
                    ..plain
                },
            ),
            flat: make(
                &frame_only,
                Variant {
                    label: "flat",
                    source: include_str!("flat.wgsl"),
                    ..over
                },
            ),
            overlay: make(
                &with_overlay,
                Variant {
                    label: "overlay",
                    source: include_str!("overlay.wgsl"),
                    meshes: false,
                    strip: true,
                    ..over
                },
            ),
            lit: make(&frame_only, plain),
            frame_layout,
            overlay_layout,
        }
    }
}

fn frame_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("frame"),
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: std::num::NonZeroU64::new(FRAME_UNIFORM_BYTES),
            },
            count: None,
        }],
    })
}

fn overlay_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty,
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("overlay"),
        entries: &[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: true },
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(
                1,
                wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            ),
        ],
    })
}

fn pipeline(
    device: &wgpu::Device,
    format: wgpu::TextureFormat,
    groups: &[Option<&wgpu::BindGroupLayout>],
    variant: &Variant,
) -> wgpu::RenderPipeline {
    let source = [include_str!("common.wgsl"), variant.source].concat();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(variant.label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(variant.label),
        bind_group_layouts: groups,
        immediate_size: 0,
    });
    let mesh_buffers = [
        Some(wgpu::VertexBufferLayout {
            array_stride: VERTEX_STRIDE_BYTES as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &VERTEX_ATTRIBUTES,
        }),
        Some(wgpu::VertexBufferLayout {
            array_stride: INSTANCE_BYTES,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &INSTANCE_ATTRIBUTES,
        }),
    ];
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(variant.label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: if variant.meshes { &mesh_buffers } else { &[] },
        },
        primitive: wgpu::PrimitiveState {
            topology: if variant.strip {
                wgpu::PrimitiveTopology::TriangleStrip
            } else {
                wgpu::PrimitiveTopology::TriangleList
            },
            cull_mode: variant.cull,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH_FORMAT,
            depth_write_enabled: Some(variant.depth_write),
            depth_compare: Some(variant.depth_compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: variant.blend,
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
