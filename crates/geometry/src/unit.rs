//! Units of length that files come in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The unit of a file's coordinates. Patient space itself is always in millimeters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LengthUnit {
    /// Millimeters.
    #[serde(rename = "mm")]
    Millimeter,
    /// Centimeters.
    #[serde(rename = "cm")]
    Centimeter,
    /// Meters.
    #[serde(rename = "m")]
    Meter,
    /// Inches of 25.4 mm.
    #[serde(rename = "in")]
    Inch,
}

impl LengthUnit {
    /// All of them, the most common in medical files first.
    pub const ALL: [Self; 4] = [Self::Millimeter, Self::Centimeter, Self::Meter, Self::Inch];

    /// Its length, mm.
    pub const fn mm(self) -> f64 {
        match self {
            Self::Millimeter => 1.0,
            Self::Centimeter => 10.0,
            Self::Meter => 1000.0,
            Self::Inch => 25.4,
        }
    }

    /// Its symbol: `mm`, `cm`, `m`, `in`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Millimeter => "mm",
            Self::Centimeter => "cm",
            Self::Meter => "m",
            Self::Inch => "in",
        }
    }

    /// The unit with this symbol.
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.symbol() == symbol)
    }
}

impl fmt::Display for LengthUnit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_read_back() {
        for unit in LengthUnit::ALL {
            assert_eq!(LengthUnit::from_symbol(unit.symbol()), Some(unit));
        }
        assert_eq!(LengthUnit::from_symbol("MM"), None);
        assert_eq!(LengthUnit::Inch.mm() * 10.0, 254.0);
    }
}
