use crate::{Align, ByteLen, Space};

#[test]
fn first_is_at_zero() {
    let mut space = Space::new(ByteLen::new(64), ByteLen::new(4)).unwrap();
    let a = space.alloc(ByteLen::new(5), Align::ONE).unwrap();
    assert_eq!((a.range.start.get(), a.range.len.get()), (0, 8));
    space.validate();
    space.free(a.id).unwrap();
    space.validate();
}
