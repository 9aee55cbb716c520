//! Traces in files, packed with gzip or not, and in the standard streams.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::error::{Position, Problem, TraceError};
use crate::foreign::Format;
use crate::reader::Reader;
use crate::writer::Writer;

/// Bytes of a buffer.
const BUFFER_BYTES: usize = 1 << 16;

/// The path that stands for a standard stream.
const STREAM: &str = "-";

/// What gzip begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes that count themselves.
#[derive(Debug)]
struct Counted<R> {
    input: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

type Raw = BufReader<Counted<Box<dyn Read + Send>>>;

enum Packing {
    Plain(Raw),
    Gzip(BufReader<MultiGzDecoder<Raw>>),
}

/// A file that is read, unpacked where it is packed.
pub struct Input {
    packing: Packing,
    bytes_total: Option<u64>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("bytes_read", &self.bytes_read())
            .field("bytes_total", &self.bytes_total)
            .finish_non_exhaustive()
    }
}

impl Input {
    fn new(
        raw: Box<dyn Read + Send>,
        named_gz: bool,
        bytes_total: Option<u64>,
    ) -> io::Result<Self> {
        let counted = Counted {
            input: raw,
            bytes: 0,
        };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, counted);
        let packing = if named_gz || raw.fill_buf()?.starts_with(&GZIP_MAGIC) {
            let decoder = MultiGzDecoder::new(raw);
            Packing::Gzip(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else {
            Packing::Plain(raw)
        };
        Ok(Self {
            packing,
            bytes_total,
        })
    }

    /// A text in memory, packed with gzip or not.
    ///
    /// # Errors
    /// Those of unpacking its first bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> io::Result<Self> {
        let bytes_total = bytes.len() as u64;
        Self::new(Box::new(io::Cursor::new(bytes)), false, Some(bytes_total))
    }

    /// Bytes read of the file as it lies there, packed.
    pub fn bytes_read(&self) -> u64 {
        match &self.packing {
            Packing::Plain(raw) => raw.get_ref().bytes,
            Packing::Gzip(unpacked) => unpacked.get_ref().get_ref().get_ref().bytes,
        }
    }

    /// Bytes of the file; `None` for a stream.
    pub fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.packing {
            Packing::Plain(raw) => raw.read(buffer),
            Packing::Gzip(unpacked) => unpacked.read(buffer),
        }
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.packing {
            Packing::Plain(raw) => raw.fill_buf(),
            Packing::Gzip(unpacked) => unpacked.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        match &mut self.packing {
            Packing::Plain(raw) => raw.consume(bytes),
            Packing::Gzip(unpacked) => unpacked.consume(bytes),
        }
    }
}

fn is_gz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// Opens a trace of any format: by its first line, packed by its name (`.gz`) or its first bytes.
/// `-` is the standard input.
///
/// # Errors
/// [`TraceError`] when there is no such file, or its first line begins no trace.
pub fn open(path: impl AsRef<Path>) -> Result<Reader<Input>, TraceError> {
    let (input, file) = open_input(path.as_ref())?;
    Reader::new(input, file)
}

/// Opens a trace of a known format.
///
/// # Errors
/// [`TraceError`] when there is no such file, or its first line does not begin that format.
pub fn open_as(path: impl AsRef<Path>, format: Format) -> Result<Reader<Input>, TraceError> {
    let (input, file) = open_input(path.as_ref())?;
    Reader::with_format(input, file, format)
}

fn open_input(path: &Path) -> Result<(Input, String), TraceError> {
    let file_name = path.display().to_string();
    let error = |position, what: &str, error: io::Error| TraceError {
        file: file_name.clone(),
        position,
        problem: Problem::Unreadable(format!("{what}: {error}")),
    };
    let opened = if path.as_os_str() == STREAM {
        Ok((Box::new(io::stdin()) as Box<dyn Read + Send>, None))
    } else {
        File::open(path).map(|file| {
            let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file);
            let bytes = bytes.map(|meta| meta.len());
            (Box::new(file) as Box<dyn Read + Send>, bytes)
        })
    };
    let (raw, bytes) = opened.map_err(|e| error(None, "expected a file that can be read", e))?;
    let start = Position { line: 1, column: 1 };
    let input = Input::new(raw, is_gz(path), bytes);
    let input = input.map_err(|e| error(Some(start), "expected something to read", e))?;
    Ok((input, file_name))
}

/// A file that is written, packed if its name ends in `.gz`.
pub struct Output(Sink);

enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Gzip(GzEncoder<BufWriter<Box<dyn Write + Send>>>),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Sink::Plain(_) => "Output(plain)",
            Sink::Gzip(_) => "Output(gzip)",
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Sink::Plain(out) => out.write(bytes),
            Sink::Gzip(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Sink::Plain(out) => out.flush(),
            Sink::Gzip(out) => out.flush(),
        }
    }
}

/// Creates a file for a trace, packed if its name ends in `.gz`; `-` is the standard output.
///
/// # Errors
/// Those of the file system.
pub fn create(path: impl AsRef<Path>) -> io::Result<Writer<Output>> {
    let path = path.as_ref();
    let raw: Box<dyn Write + Send> = if path.as_os_str() == STREAM {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(path)?)
    };
    let out = BufWriter::with_capacity(BUFFER_BYTES, raw);
    Writer::new(Output(if is_gz(path) {
        Sink::Gzip(GzEncoder::new(out, Compression::default()))
    } else {
        Sink::Plain(out)
    }))
}

impl Writer<Output> {
    /// Writes what is still held back, and the end of what is packed. A writer that is dropped
    /// instead does what it can, and cannot say whether it could.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(self) -> io::Result<()> {
        match self.into_inner_unflushed().0 {
            Sink::Plain(mut out) => out.flush(),
            Sink::Gzip(out) => out.finish()?.flush(),
        }
    }
}
