//! What can be wrong with the policies.

/// The policies of this program cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file is not Cedar.
    #[error("the policies in {file} cannot be read")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A policy has no `@id`, or one that another has.
    #[error("a policy in {file} has no id of its own")]
    NoId {
        /// The file.
        file: &'static str,
        /// Why, where another has the id.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A `forbid` that says no reason, or one that the program does not know.
    #[error("the policy {id} forbids without a reason")]
    NoReason {
        /// The policy.
        id: String,
    },
    /// A name that is none in Cedar.
    #[error("{name} is not a name in Cedar")]
    Name {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
