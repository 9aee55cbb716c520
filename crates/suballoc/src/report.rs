//! What a space looks like, in numbers.

use alloc::vec::Vec;
use core::fmt;

use crate::bytes::ByteLen;
use crate::space::Space;

/// A space in numbers, with its free ranges counted by power of two.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All bytes.
    pub capacity: ByteLen,
    /// The bytes of which all starts and lengths are multiples.
    pub unit: ByteLen,
    /// The bytes in live ranges.
    pub live_bytes: ByteLen,
    /// The number of live ranges.
    pub live_count: u32,
    /// The bytes in free ranges.
    pub free_bytes: ByteLen,
    /// The number of free ranges.
    pub free_count: u32,
    /// The longest free range.
    pub largest_free: ByteLen,
    /// The share of the free bytes outside the longest free range, from 0 to 1.
    pub fragmentation: f64,
    /// The free ranges by length, shortest first, empty classes left out.
    pub free_classes: Vec<FreeClass>,
}

/// The free ranges of at least `len_min` bytes and less than twice that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeClass {
    /// The least length: a power of two.
    pub len_min: ByteLen,
    /// The number of free ranges.
    pub count: u32,
    /// Their bytes.
    pub bytes: ByteLen,
}

impl Space {
    /// The space in numbers, O(ranges). Its `Display` is a few stable lines for a log or a
    /// snapshot.
    pub fn report(&self) -> Report {
        let mut classes = [(0_u32, ByteLen::ZERO); u64::BITS as usize];
        for span in self.iter().filter(|span| span.id.is_none()) {
            let (count, bytes) = &mut classes[span.range.len.get().ilog2() as usize];
            *count += 1;
            *bytes += span.range.len;
        }
        let free_classes = classes
            .iter()
            .enumerate()
            .filter(|(_, (count, _))| *count > 0)
            .map(|(log2, &(count, bytes))| FreeClass {
                len_min: ByteLen::new(1 << log2),
                count,
                bytes,
            })
            .collect();
        Report {
            capacity: self.capacity(),
            unit: self.unit(),
            live_bytes: self.live_bytes(),
            live_count: self.live_count(),
            free_bytes: self.free_bytes(),
            free_count: self.free_count(),
            largest_free: self.largest_free(),
            fragmentation: self.fragmentation(),
            free_classes,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "capacity {} bytes in units of {}",
            self.capacity, self.unit
        )?;
        writeln!(
            f,
            "live     {} bytes in {} ranges",
            self.live_bytes, self.live_count
        )?;
        write!(
            f,
            "free     {} bytes in {} ranges, the longest {}, fragmentation {:.3}",
            self.free_bytes, self.free_count, self.largest_free, self.fragmentation
        )?;
        for class in &self.free_classes {
            write!(
                f,
                "\n  from {}: {} bytes in {} ranges",
                class.len_min, class.bytes, class.count
            )?;
        }
        Ok(())
    }
}
