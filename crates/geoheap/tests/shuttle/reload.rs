//! The reload worker: blocks that come back while frames ask for them, callbacks that fail or
//! panic, and shutdown whenever it comes.
