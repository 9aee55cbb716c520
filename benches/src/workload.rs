//! What the allocators are made to do.

pub mod churn;
pub mod failures;
pub mod many;
pub mod patterns;
pub mod planning;
pub mod real;
