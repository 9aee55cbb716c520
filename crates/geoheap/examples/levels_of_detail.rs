//! Levels of detail as blocks of their own: the fine one of an object leaves when room is short,
//! and the coarse one stands in for it.
//!
//! The unit of eviction is the block. With all levels in one block an object would be there in
//! full or not at all; as two blocks its fine level comes and goes with what the camera sees. The
//! coarse level is long-lived, which keeps it from eviction and makes it a stand-in. Where there
//! are too many coarse levels for that, a higher priority than the fine ones' does nearly as well:
//! a lower class leaves first.
//!
//! `cargo run -p geoheap --example levels_of_detail` needs no GPU: it runs on the virtual one.

use std::error::Error;

use geoheap::{
    BlockDesc, ByteLen, Client, Config, FrameTicket, GeometryManager, Handle, Lifetime, Lookup,
    PartData, Source, Threading, VirtualBuffer, VirtualConfig, VirtualGpu,
};

/// Objects along the camera's way.
const OBJECTS: usize = 64;
/// Of so many on either side the camera wants the fine level.
const NEAR: usize = 6;
/// Frames for which it stays at an object.
const FRAMES_PER_OBJECT: usize = 12;
/// Bytes of a vertex.
const STRIDE: u32 = 16;
const FINE_VERTICES: usize = 4_000;
const COARSE_VERTICES: usize = 60;

/// An object's two levels.
#[derive(Clone, Copy, Debug)]
struct Object {
    fine: Handle,
    coarse: Handle,
}

/// What frames drew.
#[derive(Debug, Default)]
struct Drawn {
    fine: u64,
    coarse: u64,
    nothing: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config {
        // All fine levels have 4 MB, so a quarter of them fits.
        budget_bytes: ByteLen::from_kib(2_048),
        chunk_bytes: ByteLen::from_kib(512),
        long_lived_chunk_bytes: ByteLen::from_kib(128),
        staging_bytes: ByteLen::from_kib(256),
        tick_upload_bytes: ByteLen::from_kib(256),
        threading: Threading::CallerDriven,
        ..Config::default()
    };
    let (gpu, _control) = VirtualGpu::new(&VirtualConfig::default());
    let mut manager = GeometryManager::with_backend(gpu, config)?;
    let client = manager.client();
    let objects: Vec<Object> = (0..OBJECTS)
        .map(|_| add(&client))
        .collect::<Result<_, _>>()?;
    for _ in 0..40 {
        manager.poll();
    }

    // There and back again.
    let way = (0..OBJECTS).chain((0..OBJECTS).rev());
    let mut drawn = Drawn::default();
    for at in way {
        for _ in 0..FRAMES_PER_OBJECT {
            let ticket = manager.begin_frame();
            draw(&ticket, &objects, at, &mut drawn);
            drop(ticket.finish());
            manager.poll();
        }
    }

    let report = manager.shutdown().report;
    let Drawn {
        fine,
        coarse,
        nothing,
    } = drawn;
    println!("near the camera: {fine} times the fine level, {coarse} times the stand-in");
    println!(
        "{} fine levels left for want of room, {} came back, {} KiB held at most of {} KiB",
        report.evictions,
        report.stream_ins,
        report.held_bytes_peak / 1024,
        report.budget_bytes / 1024
    );
    let is_right = nothing == 0 && report.long_lived_evictions == 0 && fine > 4 * coarse;
    if is_right && report.evictions > 0 {
        Ok(())
    } else {
        Err(format!("{nothing} objects were missing; {report:?}").into())
    }
}

/// Both levels of an object.
fn add(client: &Client) -> Result<Object, Box<dyn Error>> {
    let level = |vertices: usize| {
        let bytes = vec![0_u8; vertices * STRIDE as usize];
        BlockDesc::new()
            .part(PartData::vertex(bytes, STRIDE))
            .source(Source::Retained)
    };
    Ok(Object {
        coarse: client.add(level(COARSE_VERTICES).lifetime(Lifetime::LongLived))?,
        fine: client.add(level(FINE_VERTICES))?,
    })
}

/// Looks up what a frame at object `at` draws. Asking for the fine level is all it takes to have
/// it stay, or come back; of objects far away only the coarse one is asked for.
fn draw(ticket: &FrameTicket<VirtualBuffer>, objects: &[Object], at: usize, drawn: &mut Drawn) {
    for (nth, object) in objects.iter().enumerate() {
        let Ok(stand_in) = ticket.fallback(object.coarse) else {
            drawn.nothing += 1;
            continue;
        };
        if nth.abs_diff(at) > NEAR {
            let there = matches!(ticket.get(object.coarse), Lookup::Resident(_));
            drawn.nothing += u64::from(!there);
            continue;
        }
        match ticket.get_or(object.fine, &stand_in) {
            Lookup::Resident(view) if view.is_fallback() => drawn.coarse += 1,
            Lookup::Resident(_) => drawn.fine += 1,
            _ => drawn.nothing += 1,
        }
    }
}
