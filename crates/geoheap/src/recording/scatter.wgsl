// Writes entries to their places: `patch_words` holds the number of entries, the words of one entry, and
// then for each entry its index and its words. An invocation writes one word.

@group(0) @binding(0) var<storage, read> patch_words: array<u32>;
@group(0) @binding(1) var<storage, read_write> table_words: array<u32>;

const GROUP: u32 = 64u;
const ROW: u32 = 65535u;

@compute @workgroup_size(GROUP)
fn scatter(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let entries = patch_words[0];
    let words = patch_words[1];
    let at = (group.y * ROW + group.x) * GROUP + local;
    if at >= entries * words {
        return;
    }
    let entry = 2u + at / words * (words + 1u);
    let word = at % words;
    table_words[patch_words[entry] * words + word] = patch_words[entry + 1u + word];
}
