//! What kind of act something was, and in which capacity somebody acted: the words of the audit trail.

use crate::word::words;

words! {
    /// What kind of act it was.
    Verb {
        /// Something was made.
        Create = "create",
        /// Something was read or looked at.
        Read = "read",
        /// Something was listed or searched.
        List = "list",
        /// Something was changed.
        Update = "update",
        /// Something was deleted or withdrawn.
        Delete = "delete",
        /// Something else was done, such as signing in.
        Execute = "execute",
    }
}

words! {
    /// In which capacity somebody acted toward what an event is about.
    Capacity {
        /// Administrator of the practice.
        Administrator = "administrator",
        /// Clinician of the practice.
        Clinician = "clinician",
        /// Staff of the practice.
        Staff = "staff",
        /// A doctor with a grant.
        Collaborator = "collaborator",
        /// The patient.
        Patient = "patient",
        /// Somebody acting for a minor.
        Guardian = "guardian",
        /// A doctor whom the patient has connected to.
        ConnectedDoctor = "connected_doctor",
        /// Somebody about their own account or what they own themselves.
        Owner = "owner",
        /// An operator of the server, in an emergency.
        Operator = "operator",
        /// Nobody who is signed in.
        Visitor = "visitor",
        /// The server itself.
        System = "system",
        /// Somebody who has nothing to do with it.
        Stranger = "stranger",
    }
}

impl From<crate::MemberRole> for Capacity {
    fn from(role: crate::MemberRole) -> Self {
        match role {
            crate::MemberRole::Administrator => Self::Administrator,
            crate::MemberRole::Clinician => Self::Clinician,
            crate::MemberRole::Staff => Self::Staff,
        }
    }
}
