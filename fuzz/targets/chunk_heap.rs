#![forbid(unsafe_code)]
#![no_main]
//! libFuzzer's entry to the target `chunk_heap`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    geoheap_fuzz::chunk_heap::run(input);
});
