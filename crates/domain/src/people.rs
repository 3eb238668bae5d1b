//! Who people are: accounts, memberships, patients, guardians.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::id::{PracticeId, UserId};
use crate::phi::Phi;
use crate::time::{Date, Timestamp, Window};
use crate::word::words;

words! {
    /// What a member is in a practice.
    MemberRole {
        /// Manages the practice, its members and their access; reads its audit trail.
        Administrator = "administrator",
        /// A doctor or another who treats patients.
        Clinician = "clinician",
        /// Manages profiles and schedules.
        Staff = "staff",
    }
}

words! {
    /// How an account stands.
    AccountState {
        /// The e-mail address has not been verified.
        Unverified = "unverified",
        /// In use.
        Active = "active",
        /// Closed by an administrator or its owner; may do nothing.
        Deactivated = "deactivated",
    }
}

words! {
    /// Whether a user's sign-in is strong enough to see content: a passkey, or a password with a second factor.
    SignInStrength {
        /// One factor only.
        Single = "single",
        /// Two factors, or a passkey.
        Strong = "strong",
        /// One factor, and the server runs as a demonstration, which says so in plain sight.
        WaivedForDemo = "waived_for_demo",
    }
}

words! {
    /// Whether a user has accepted the agreements in force.
    AgreementStanding {
        /// A version in force has not been accepted.
        Pending = "pending",
        /// All versions in force are accepted.
        Current = "current",
    }
}

words! {
    /// Whether a user runs the server.
    Operator {
        /// Not an operator.
        No = "no",
        /// An operator of the server, who sees no content.
        Yes = "yes",
    }
}

words! {
    /// Whether a member belongs to the care team of a patient profile.
    CareTeam {
        /// Not a member of it.
        Outside = "outside",
        /// The creator of the profile, or one whom an administrator or the creator added.
        Member = "member",
    }
}

/// What a user is in a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// The practice.
    pub practice: PracticeId,
    /// The member.
    pub user: UserId,
    /// What the member is there.
    pub role: MemberRole,
}

words! {
    /// What a guardian may do for a minor.
    GuardianScope {
        /// Look at what is shared with the minor.
        Look = "look",
        /// Look, sign releases, start connections, ask for amendments.
        Act = "act",
    }
}

/// One person acting for a minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guardianship {
    /// What the guardian may do.
    pub scope: GuardianScope,
    /// When it holds, as the papers say.
    pub window: Window,
    /// When the minor comes of age, which ends it whatever the papers say.
    pub majority: Timestamp,
}

impl Guardianship {
    /// A guardianship of someone born on a day, who comes of age so many years later.
    ///
    /// # Errors
    /// [`DomainError::EndBeforeBeginning`] where the window is empty.
    pub fn new(
        scope: GuardianScope,
        window: Window,
        born: Date,
        majority_years: u8,
    ) -> Result<Self, DomainError> {
        if window.until <= window.from {
            return Err(DomainError::EndBeforeBeginning);
        }
        Ok(Self {
            scope,
            window,
            majority: born.plus_years(majority_years).start(),
        })
    }

    /// Whether the guardian may act at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.window.contains(now) && now < self.majority
    }
}

/// How a user is linked to a patient profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "link", rename_all = "snake_case")]
pub enum PatientLink {
    /// It is the user's own.
    Own,
    /// The user acts for the minor whose it is.
    Guardian(Guardianship),
}

words! {
    /// Administrative gender, as HL7 FHIR R4 names it.
    Gender {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Another.
        Other = "other",
        /// Not known.
        Unknown = "unknown",
    }
}

words! {
    /// Sex, with the words of DICOM's Patient's Sex (0010,0040).
    Sex {
        /// `F`.
        Female = "F",
        /// `M`.
        Male = "M",
        /// `O`.
        Other = "O",
    }
}

/// Demographics of one person. Every text is as the practice wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Demographics {
    /// Name.
    pub name: Phi<String>,
    /// Day of birth.
    pub born: Option<Phi<Date>>,
    /// E-mail address, telephone numbers.
    pub contact: Option<Phi<String>>,
    /// Postal address.
    pub address: Option<Phi<String>>,
    /// Gender.
    pub gender: Option<Phi<Gender>>,
    /// Sex.
    pub sex: Option<Phi<Sex>>,
    /// Race, in the person's own words.
    pub race: Option<Phi<String>>,
    /// Color of the eyes.
    pub eye_color: Option<Phi<String>>,
    /// Body height, centimeters.
    pub height_cm: Option<Phi<f64>>,
}

impl Demographics {
    /// Checks and trims every text; a text of nothing but space counts as absent.
    ///
    /// # Errors
    /// Those of [`crate::text::line`] and [`crate::text::lines`], and [`DomainError::Height`].
    pub fn checked(self) -> Result<Self, DomainError> {
        if let Some(height) = &self.height_cm
            && !(20.0..=280.0).contains(height.reveal())
        {
            return Err(DomainError::Height);
        }
        Ok(Self {
            name: Phi::new(crate::text::line("the name", self.name.reveal())?),
            contact: optional(self.contact, |text| crate::text::lines("the contact", text))?,
            address: optional(self.address, |text| crate::text::lines("the address", text))?,
            race: optional(self.race, |text| crate::text::line("the race", text))?,
            eye_color: optional(self.eye_color, |text| {
                crate::text::line("the color of the eyes", text)
            })?,
            ..self
        })
    }
}

fn optional(
    text: Option<Phi<String>>,
    check: impl Fn(&str) -> Result<String, DomainError>,
) -> Result<Option<Phi<String>>, DomainError> {
    match text {
        Some(text) if !text.reveal().trim().is_empty() => Ok(Some(Phi::new(check(text.reveal())?))),
        _ => Ok(None),
    }
}

/// By which color a person is told from others, by pointer and by marks: a number below [`PersonColor::COUNT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonColor(u8);

impl PersonColor {
    /// How many there are.
    pub const COUNT: u8 = 12;

    /// The color of a number; beyond the last they begin again.
    pub fn of_number(number: u8) -> Self {
        Self(number % Self::COUNT)
    }

    /// Its number, from 0 on.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The color that a person has wherever nobody else has it already.
    pub fn preferred(user: UserId) -> Self {
        // FNV-1a, 32 bits; its upper bits are mixed best.
        let hash = user.as_bytes().iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        let [.., high] = (hash ^ (hash << 13)).to_le_bytes();
        Self::of_number(high)
    }

    /// The color of one who comes to others that have these: the own one, or from there on the first that the fewest
    /// have.
    pub fn beside(user: UserId, others: &[Self]) -> Self {
        let first = Self::preferred(user);
        let count = |color: &Self| others.iter().filter(|other| *other == color).count();
        let from_first = (0..Self::COUNT).map(|step| Self::of_number(first.0 + step));
        from_first.min_by_key(count).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        text.parse::<Date>().unwrap().start()
    }

    #[test]
    fn a_guardian_ends_at_majority_and_within_dates() {
        let window = Window {
            from: day("2024-03-01"),
            until: day("2030-01-01"),
        };
        let born = "2010-06-15".parse().unwrap();
        let guardian = Guardianship::new(GuardianScope::Act, window, born, 18).unwrap();
        for (moment, live) in [
            ("2024-02-29", false),
            ("2024-03-01", true),
            ("2028-06-14", true),
            ("2028-06-15", false),
            ("2029-12-31", false),
        ] {
            assert_eq!(guardian.is_live(day(moment)), live, "{moment}");
        }
        let turned = Window {
            from: window.until,
            until: window.from,
        };
        assert_eq!(
            Guardianship::new(GuardianScope::Look, turned, born, 18),
            Err(DomainError::EndBeforeBeginning)
        );
    }

    #[test]
    fn demographics_are_trimmed_and_bounded() {
        let blank = Demographics {
            name: Phi::new(" Ada Example ".to_owned()),
            born: None,
            contact: Some(Phi::new("  ".to_owned())),
            address: Some(Phi::new(" 1 Hill\n2 Dale ".to_owned())),
            gender: None,
            sex: None,
            race: None,
            eye_color: None,
            height_cm: Some(Phi::new(171.5)),
        };
        let checked = blank.clone().checked().unwrap();
        assert_eq!(checked.name.reveal(), "Ada Example");
        assert_eq!(checked.contact, None);
        assert_eq!(checked.address.unwrap().reveal(), "1 Hill\n2 Dale");
        for height in [f64::NAN, f64::INFINITY, -1.0, 0.0, 19.9, 280.1] {
            let tall = Demographics {
                height_cm: Some(Phi::new(height)),
                ..blank.clone()
            };
            assert_eq!(tall.checked(), Err(DomainError::Height), "{height}");
        }
    }

    #[test]
    fn people_are_told_apart_by_colors_as_far_as_there_are_any() {
        let user = |n: u8| UserId::from_random([n.wrapping_mul(73); 16]);
        let mut colors = Vec::new();
        for n in 0..PersonColor::COUNT {
            let color = PersonColor::beside(user(n), &colors);
            assert!(
                color.number() < PersonColor::COUNT && !colors.contains(&color),
                "{n}"
            );
            colors.push(color);
        }
        // Where all are taken, one's own, and then those that the fewest have.
        let own = PersonColor::preferred(user(40));
        assert_eq!(PersonColor::beside(user(40), &colors), own);
        colors.push(own);
        assert_ne!(PersonColor::beside(user(40), &colors), own);
        // Alone, everybody has the same everywhere, and many people have all colors.
        let preferred: std::collections::BTreeSet<_> = (0..=255)
            .map(|n| PersonColor::preferred(UserId::from_random([n; 16])))
            .collect();
        assert_eq!(preferred.len(), usize::from(PersonColor::COUNT));
        assert_eq!(PersonColor::beside(user(7), &[]), PersonColor::preferred(user(7)));
    }
}
