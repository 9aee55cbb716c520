//! Offsets, lengths, alignments and ranges, in bytes.

use alloc::string::String;
use core::fmt;
use core::iter::Sum;
use core::num::NonZeroU64;
use core::ops::{Add, AddAssign, Mul, Sub, SubAssign};
use core::str::FromStr;

/// A place in a linear space, in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteOffset(u64);

/// A length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteLen(u64);

/// An alignment in bytes: any positive integer, not only powers of two, so that a vertex stride
/// of 12, 20 or 36 bytes is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Align(NonZeroU64);

/// The bytes `start .. start + len` of a linear space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    /// The first byte.
    pub start: ByteOffset,
    /// The number of bytes.
    pub len: ByteLen,
}

impl ByteOffset {
    /// The start of the space.
    pub const ZERO: Self = Self(0);

    /// The place `bytes` after the start of the space.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes from the start of the space.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place `len` further on; `None` where a `u64` cannot hold it.
    pub const fn checked_add(self, len: ByteLen) -> Option<Self> {
        match self.0.checked_add(len.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The place `len` before; `None` where that is before the start of the space.
    pub const fn checked_sub(self, len: ByteLen) -> Option<Self> {
        match self.0.checked_sub(len.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The distance from `earlier` to here; zero where `earlier` is the later one.
    pub const fn saturating_sub(self, earlier: Self) -> ByteLen {
        ByteLen(self.0.saturating_sub(earlier.0))
    }

    /// The first multiple of `align` at or after here; `None` where a `u64` cannot hold it.
    pub const fn align_up(self, align: Align) -> Option<Self> {
        match self.0.checked_next_multiple_of(align.get()) {
            Some(up) => Some(Self(up)),
            None => None,
        }
    }
}

impl ByteLen {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// A length of `bytes`.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A length of `kib` times 1024 bytes. A product beyond `u64` is a panic.
    pub const fn from_kib(kib: u64) -> Self {
        match kib.checked_mul(1 << 10) {
            Some(bytes) => Self(bytes),
            None => panic!("a length beyond 64 bits"),
        }
    }

    /// A length of `mib` times 1024 KiB. A product beyond `u64` is a panic.
    pub const fn from_mib(mib: u64) -> Self {
        match mib.checked_mul(1 << 20) {
            Some(bytes) => Self(bytes),
            None => panic!("a length beyond 64 bits"),
        }
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether this is no bytes.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` where a `u64` cannot hold it.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference; `None` where `other` is the longer one.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// `count` times this length; `None` where a `u64` cannot hold it.
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        match self.0.checked_mul(count) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// The sum, at most `u64::MAX`.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The shortest multiple of `align` that is at least this long, at most the greatest multiple
    /// that a `u64` can hold.
    #[must_use]
    pub const fn align_up(self, align: Align) -> Self {
        match self.0.checked_next_multiple_of(align.get()) {
            Some(up) => Self(up),
            None => Self(u64::MAX - u64::MAX % align.get()),
        }
    }
}

impl Align {
    /// Any place will do.
    pub const ONE: Self = Self(NonZeroU64::MIN);

    /// An alignment to multiples of `bytes`; `None` for zero.
    pub const fn new(bytes: u64) -> Option<Self> {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The weakest alignment that implies both: the least common multiple. `None` where a `u64`
    /// cannot hold it.
    pub const fn lcm(self, other: Self) -> Option<Self> {
        let reduced = self.get() / gcd(self.get(), other.get());
        match reduced.checked_mul(other.get()) {
            Some(bytes) => Self::new(bytes),
            None => None,
        }
    }

    /// Whether `offset` is a multiple of this alignment.
    pub const fn divides(self, offset: ByteOffset) -> bool {
        // A division takes longer than all else that most callers do with the result.
        if self.0.is_power_of_two() {
            offset.0 & (self.get() - 1) == 0
        } else {
            offset.0.is_multiple_of(self.get())
        }
    }
}

impl Default for Align {
    fn default() -> Self {
        Self::ONE
    }
}

impl ByteRange {
    /// The bytes `start .. start + len`.
    pub const fn new(start: ByteOffset, len: ByteLen) -> Self {
        Self { start, len }
    }

    /// The first place after the range. A range must end within `u64`.
    pub const fn end(&self) -> ByteOffset {
        ByteOffset(self.start.0 + self.len.0)
    }

    /// Whether the byte at `offset` is one of the range's.
    pub const fn contains(&self, offset: ByteOffset) -> bool {
        self.start.0 <= offset.0 && offset.0 - self.start.0 < self.len.0
    }

    /// Whether the two have a byte in common. An empty range overlaps nothing.
    pub const fn overlaps(&self, other: &Self) -> bool {
        let start = if self.start.0 > other.start.0 {
            self.start.0
        } else {
            other.start.0
        };
        self.len.0 > 0
            && other.len.0 > 0
            && self.start.0 + self.len.0 > start
            && other.start.0 + other.len.0 > start
    }
}

/// The greatest common divisor of two positive integers (Euclid).
pub(crate) const fn gcd(mut a: u64, mut b: u64) -> u64 {
    if a.is_power_of_two() && b.is_power_of_two() {
        return if a < b { a } else { b };
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Add<ByteLen> for ByteOffset {
    type Output = Self;
    fn add(self, len: ByteLen) -> Self {
        Self(self.0 + len.0)
    }
}

impl Sub<ByteLen> for ByteOffset {
    type Output = Self;
    fn sub(self, len: ByteLen) -> Self {
        Self(self.0 - len.0)
    }
}

impl Sub for ByteOffset {
    type Output = ByteLen;
    fn sub(self, earlier: Self) -> ByteLen {
        ByteLen(self.0 - earlier.0)
    }
}

impl AddAssign<ByteLen> for ByteOffset {
    fn add_assign(&mut self, len: ByteLen) {
        self.0 += len.0;
    }
}

impl SubAssign<ByteLen> for ByteOffset {
    fn sub_assign(&mut self, len: ByteLen) {
        self.0 -= len.0;
    }
}

impl Add for ByteLen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for ByteLen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<u64> for ByteLen {
    type Output = Self;
    fn mul(self, count: u64) -> Self {
        Self(self.0 * count)
    }
}

impl AddAssign for ByteLen {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for ByteLen {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for ByteLen {
    fn sum<I: Iterator<Item = Self>>(lens: I) -> Self {
        lens.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Self> for ByteLen {
    fn sum<I: Iterator<Item = &'a Self>>(lens: I) -> Self {
        lens.copied().sum()
    }
}

impl fmt::Display for ByteOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for ByteLen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why a text is no length.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseLenError {
    /// What follows the number is no unit.
    UnknownUnit(String),
    /// What should be a number is none.
    NotANumber(String),
    /// The number of bytes is not whole.
    PartOfAByte,
    /// No bytes at all.
    Zero,
    /// More than 64 bits hold.
    TooLarge,
}

impl fmt::Display for ParseLenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUnit(unit) => write!(f, "unknown unit `{unit}`")?,
            Self::NotANumber(text) => write!(f, "`{text}` is not a number")?,
            Self::PartOfAByte => write!(f, "a part of a byte")?,
            Self::Zero => write!(f, "zero bytes")?,
            Self::TooLarge => write!(f, "more than {} bytes", u64::MAX)?,
        }
        f.write_str("; write a number with KiB, MiB or GiB such as 64MiB, or plain bytes")
    }
}

impl core::error::Error for ParseLenError {}

/// A length above zero as people write it: a whole or decimal number followed by `KiB`, `MiB`,
/// `GiB`, `B` or nothing.
///
/// ```
/// use geoheap_suballoc::ByteLen;
///
/// assert_eq!("1.5 MiB".parse(), Ok(ByteLen::new(3 << 19)));
/// assert!("64MB".parse::<ByteLen>().is_err());
/// ```
impl FromStr for ByteLen {
    type Err = ParseLenError;

    fn from_str(text: &str) -> Result<Self, ParseLenError> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let scale = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => 1 << 20,
            "gib" | "g" => 1 << 30,
            _ => return Err(ParseLenError::UnknownUnit(unit.trim().into())),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if scale == 1 && number.contains('.') {
            return Err(ParseLenError::PartOfAByte);
        }
        let not_a_number = || ParseLenError::NotANumber(number.into());
        if whole.is_empty() || fraction.len() > 6 || fraction.contains('.') {
            return Err(not_a_number());
        }
        let whole: u64 = whole.parse().map_err(|_| ParseLenError::TooLarge)?;
        let mut bytes = whole.checked_mul(scale).ok_or(ParseLenError::TooLarge)?;
        if !fraction.is_empty() {
            let digits: u64 = fraction.parse().map_err(|_| not_a_number())?;
            let unit_parts = 10_u64.pow(u32::try_from(fraction.len()).unwrap_or(6));
            bytes = bytes
                .checked_add(digits * scale / unit_parts)
                .ok_or(ParseLenError::TooLarge)?;
        }
        if bytes == 0 {
            Err(ParseLenError::Zero)
        } else {
            Ok(Self(bytes))
        }
    }
}

impl fmt::Display for Align {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.start, self.len)
    }
}
