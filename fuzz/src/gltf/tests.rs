use super::*;
use crate::verdict::objection;

fn scene() -> Model {
    load_bytes(Path::new(FILE), SCENE.as_bytes()).expect("it is right")
}

#[test]
fn the_scene_is_loaded_in_both_forms() {
    for (form, what) in [(0, "gltf"), (2, "glb"), (3, "glb")] {
        assert_eq!(run(&[form]).count(what, true), 1, "{form}");
        // All of it is cut off.
        assert_eq!(run(&[form, 7, 0, 0]).count(what, false), 1, "{form}");
    }
    assert_eq!(scene().mesh.vertices.len(), 8, "two nodes of four vertices");
}

#[test]
fn what_is_no_mesh_is_objected_to() {
    let objects = |model: Model| objection(|| judge(&Ok(model)));
    let mut model = scene();
    model.mesh.vertices.truncate(7);
    assert!(objects(model).contains("behind 7"));
    let mut model = scene();
    model.mesh.vertices[3].position[1] = f32::NAN;
    assert!(objects(model).contains("a place"));
    let nameless = ModelError::Broken {
        path: "x".into(),
        reason: "reason".to_owned(),
    };
    assert!(objection(|| judge(&Err(nameless))).contains("named"));
    let reasonless = ModelError::Broken {
        path: FILE.into(),
        reason: String::new(),
    };
    assert!(objection(|| judge(&Err(reasonless))).contains("reason"));
}
