use super::*;
use crate::verdict::objection;

#[test]
fn every_form_is_read() {
    for text in 0..3 {
        for form in 0..4 {
            let name = if form == 0 { "plain" } else { "gzip" };
            let reached = run(&[text + 4 * form]);
            assert_eq!(reached.count(name, true), 1, "form {form} of text {text}");
        }
    }
    // Cut off in the middle; a byte of the checksum changed.
    assert_eq!(run(&[64 + 4, 0, 40, 0]).count("gzip", false), 1);
    let end = u8::try_from(packed(1, TEXTS[0].as_bytes()).len() - 6).expect("short");
    assert_eq!(run(&[64 + 4, 0, end, 77]).count("gzip", false), 1);
}

#[test]
fn another_answer_is_objected_to() {
    let whole = in_memory(TEXTS[0].as_bytes());
    judge(&whole, Some(&whole));
    let mut fewer = whole.clone();
    fewer.0.pop();
    objection(|| judge(&fewer, Some(&whole)));
    objection(|| judge(&whole, None));
}
