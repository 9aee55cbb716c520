use geoheap::ConfigError;

use super::*;

#[test]
fn common_settings_work() {
    let reached = run(&[]);
    for what in ["validate", "create", "add", "read"] {
        assert_eq!(reached.count(what, true), 1, "{what}: {reached:?}");
    }
}

#[test]
fn each_field_can_be_changed() {
    let common = format!("{:?}", common());
    for field in 0..38 {
        let is_changed = (0..=255).any(|value| {
            let mut config = super::common();
            edit(&mut config, field, &mut Bytes::new(&[value, 1, 2]));
            format!("{config:?}") != common
        });
        assert!(is_changed, "field {field}");
    }
    let mut config = super::common();
    edit(&mut config, 1, &mut Bytes::new(&[0]));
    let refused = config.validate(ByteLen::from_mib(1));
    let field = "chunk_bytes";
    assert_eq!(refused, Err(ConfigError::Zero { field }));
}

#[test]
#[should_panic(expected = "no answer to read_back")]
fn a_heap_that_does_not_answer_is_found() {
    let (gpu, control) = VirtualGpu::new(&VirtualConfig {
        staging: StagingConfig {
            buffer_bytes: ByteLen::from_kib(8),
            ..StagingConfig::default()
        },
        ..VirtualConfig::default()
    });
    let manager = GeometryManager::with_backend(gpu, common()).expect("they work");
    let tally = Tally::default();
    let mut heap = Heap { manager, tally };
    let client = heap.manager.client();
    let part = PartData::vertex(vec![0; 16], 16);
    let handle = client.add(BlockDesc::new().part(part));
    let handle = handle.expect("nothing is wrong with it");
    let resident = client.resident(handle).expect("there is room");
    assert_eq!(heap.answer(resident, "resident"), Ok(()));
    control.stall(true);
    let pending = client.read_back(handle).expect("there is room");
    _ = heap.answer(pending, "read_back");
}
