//! From stored samples to red, green and blue in sRGB, 8 bits, nothing transparent.

use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor,
    Transform16BitExecutor, TransformOptions,
};

use super::{Channels, PhotoFinding};

/// Bytes of the longest profile that is looked at; profiles for print have some megabytes.
const MAX_PROFILE_BYTES: usize = 8 << 20;
/// A transform that changes no color by more than this is none.
const UNSEEN: u8 = 2;

/// What a file says of the color space of its samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ColorSource {
    /// sRGB, said or assumed.
    Srgb,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Adobe RGB (1998), told without a profile.
    AdobeRgb,
    /// Code points of ITU-T H.273: primaries and transfer characteristics.
    CodePoints { primaries: u8, transfer: u8 },
    /// A power function, and chromaticities where they are told.
    Gamma {
        /// Of the encoding: 0.45455 for usual screens.
        exponent: f32,
        chromaticities: Option<Chromaticities>,
    },
}

/// `[x, y]` of CIE 1931.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chromaticities {
    pub(super) white: [f32; 2],
    pub(super) red: [f32; 2],
    pub(super) green: [f32; 2],
    pub(super) blue: [f32; 2],
}

/// Converts rows of one picture.
pub(super) struct Converter {
    channels: Channels,
    plan: Plan,
    /// What becomes known before or while rows are converted.
    profile: Option<PhotoFinding>,
    transparent: bool,
    /// `[column]`, opacity.
    alpha: Vec<u8>,
    /// `[column][channel]` without alpha.
    color_u8: Vec<u8>,
    color_u16: Vec<u16>,
    line_u16: Vec<u16>,
}

/// How the colors of a pixel become sRGB.
enum Plan {
    /// They are sRGB.
    Same,
    /// Ink without a profile.
    Ink,
    /// By a transform.
    Transform {
        u8: Arc<Transform8BitExecutor>,
        u16: Arc<Transform16BitExecutor>,
        /// Gray with a profile for color.
        gray_as_rgb: bool,
    },
}

impl Converter {
    pub(super) fn new(channels: Channels, color: &ColorSource, columns: usize) -> Self {
        let (plan, profile) = plan(channels, color);
        Self {
            channels,
            plan,
            profile,
            transparent: false,
            alpha: Vec::with_capacity(columns),
            color_u8: Vec::new(),
            color_u16: Vec::new(),
            line_u16: vec![0; columns * 3],
        }
    }

    /// What is to be told of the colors once all rows are converted.
    pub(super) fn findings(&self) -> impl Iterator<Item = PhotoFinding> + '_ {
        let transparency = self.transparent.then_some(PhotoFinding::TransparencyOnWhite);
        self.profile.iter().cloned().chain(transparency)
    }

    /// Converts `[column][channel]` to `[column][red, green, blue]`.
    pub(super) fn row_of_u8(&mut self, source: &[u8], line: &mut [u8]) {
        let mut color = std::mem::take(&mut self.color_u8);
        self.split(source, &mut color, |alpha| alpha);
        match &self.plan {
            Plan::Transform { u8, gray_as_rgb, .. } => {
                if *gray_as_rgb {
                    color = color.iter().flat_map(|&v| [v; 3]).collect();
                }
                if u8.transform(&color, line).is_err() {
                    self.profile = Some(PhotoFinding::ProfileUnusable);
                    plain(self.channels, &color, line);
                }
            }
            Plan::Ink => ink(&color, line),
            Plan::Same => plain(self.channels, &color, line),
        }
        self.color_u8 = color;
        self.lay_on_white(line);
    }

    /// Converts `[column][channel]` of 16 bits to `[column][red, green, blue]` of 8.
    pub(super) fn row_of_u16(&mut self, source: &[u16], line: &mut [u8]) {
        let mut color = std::mem::take(&mut self.color_u16);
        self.split(source, &mut color, narrow);
        match &self.plan {
            Plan::Transform { u16, gray_as_rgb, .. } => {
                if *gray_as_rgb {
                    color = color.iter().flat_map(|&v| [v; 3]).collect();
                }
                if u16.transform(&color, &mut self.line_u16).is_ok() {
                    for (out, &v) in line.iter_mut().zip(&self.line_u16) {
                        *out = narrow(v);
                    }
                } else {
                    self.profile = Some(PhotoFinding::ProfileUnusable);
                    plain(self.channels, &narrowed(&color), line);
                }
            }
            Plan::Ink => ink(&narrowed(&color), line),
            Plan::Same => plain(self.channels, &narrowed(&color), line),
        }
        self.color_u16 = color;
        self.lay_on_white(line);
    }

    /// Splits a row into its colors and its opacity.
    fn split<T: Copy>(&mut self, source: &[T], color: &mut Vec<T>, opacity: impl Fn(T) -> u8) {
        color.clear();
        self.alpha.clear();
        match self.channels {
            Channels::GrayAlpha => {
                for &[gray, alpha] in source.as_chunks::<2>().0 {
                    color.push(gray);
                    self.alpha.push(opacity(alpha));
                }
            }
            Channels::Rgba => {
                for &[red, green, blue, alpha] in source.as_chunks::<4>().0 {
                    color.extend([red, green, blue]);
                    self.alpha.push(opacity(alpha));
                }
            }
            Channels::Gray | Channels::Rgb | Channels::Cmyk => color.extend_from_slice(source),
        }
    }

    fn lay_on_white(&mut self, line: &mut [u8]) {
        for (pixel, &alpha) in line.as_chunks_mut::<3>().0.iter_mut().zip(&self.alpha) {
            if alpha == 255 {
                continue;
            }
            self.transparent = true;
            for v in pixel {
                let mixed = u32::from(*v) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
                *v = ((mixed + 127) / 255) as u8;
            }
        }
    }
}

/// 16 bits to the nearest 8.
fn narrow(v: u16) -> u8 {
    ((u32::from(v) * 255 + 32_767) / 65_535) as u8
}

fn narrowed(color: &[u16]) -> Vec<u8> {
    color.iter().map(|&v| narrow(v)).collect()
}

/// Samples that are sRGB or taken for it; gray becomes three channels.
fn plain(channels: Channels, color: &[u8], line: &mut [u8]) {
    match channels {
        Channels::Gray | Channels::GrayAlpha => {
            for (pixel, &gray) in line.as_chunks_mut::<3>().0.iter_mut().zip(color) {
                *pixel = [gray; 3];
            }
        }
        Channels::Rgb | Channels::Rgba => {
            for (out, &v) in line.iter_mut().zip(color) {
                *out = v;
            }
        }
        Channels::Cmyk => ink(color, line),
    }
}

/// Ink to light without knowing the ink: each takes its share of its complement.
fn ink(color: &[u8], line: &mut [u8]) {
    let pixels = line.as_chunks_mut::<3>().0;
    for (pixel, &[cyan, magenta, yellow, black]) in pixels.iter_mut().zip(color.as_chunks::<4>().0) {
        *pixel = [cyan, magenta, yellow].map(|ink| {
            let light = (255 - u32::from(ink)) * (255 - u32::from(black));
            ((light + 127) / 255) as u8
        });
    }
}

fn plan(channels: Channels, color: &ColorSource) -> (Plan, Option<PhotoFinding>) {
    let without = match channels {
        Channels::Cmyk => (Plan::Ink, Some(PhotoFinding::InkWithoutProfile)),
        _ => (Plan::Same, None),
    };
    if *color == ColorSource::Srgb {
        return without;
    }
    let unusable = (without.0, Some(PhotoFinding::ProfileUnusable));
    let Some(profile) = profile(color) else {
        return unusable;
    };
    match transform(channels, &profile) {
        Some(plan) if is_unseen(channels, &plan) => (Plan::Same, None),
        Some(plan) => (plan, Some(PhotoFinding::ColorConverted)),
        None => unusable,
    }
}

fn profile(color: &ColorSource) -> Option<ColorProfile> {
    match color {
        ColorSource::Srgb => Some(ColorProfile::new_srgb()),
        ColorSource::AdobeRgb => Some(ColorProfile::new_adobe_rgb()),
        ColorSource::Icc(bytes) if bytes.len() <= MAX_PROFILE_BYTES => {
            ColorProfile::new_from_slice(bytes).ok()
        }
        ColorSource::Icc(_) => None,
        &ColorSource::CodePoints { primaries, transfer } => {
            let profile = ColorProfile::new_from_cicp(CicpProfile {
                color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
                transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
                matrix_coefficients: MatrixCoefficients::Identity,
                full_range: true,
            });
            profile.red_trc.is_some().then_some(profile)
        }
        ColorSource::Gamma {
            exponent,
            chromaticities,
        } => gamma_profile(*exponent, *chromaticities),
    }
}

fn gamma_profile(exponent: f32, chromaticities: Option<Chromaticities>) -> Option<ColorProfile> {
    let decoding = 1.0 / exponent;
    if !(0.2..=5.0).contains(&decoding) {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some(told) = chromaticities {
        let all = [told.white, told.red, told.green, told.blue];
        if all.as_flattened().iter().any(|v| !(0.001..=1.0).contains(v)) {
            return None;
        }
        let at = |[x, y]: [f32; 2]| Chromaticity::new(x, y);
        let primaries = ColorPrimaries {
            red: at(told.red),
            green: at(told.green),
            blue: at(told.blue),
        };
        profile.update_rgb_colorimetry(at(told.white).to_xyyb(), primaries);
    }
    profile.cicp = None;
    let curve = ToneReprCurve::Parametric(vec![decoding]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    Some(profile)
}

/// The transform of a profile that fits the channels.
fn transform(channels: Channels, profile: &ColorProfile) -> Option<Plan> {
    let gray = matches!(channels, Channels::Gray | Channels::GrayAlpha);
    let (layout, gray_as_rgb) = match (channels, profile.color_space) {
        (Channels::Gray | Channels::GrayAlpha, DataColorSpace::Gray) => (Layout::Gray, false),
        (Channels::Cmyk, DataColorSpace::Cmyk) => (Layout::Rgba, false),
        (Channels::Cmyk, _) => return None,
        (_, DataColorSpace::Rgb) => (Layout::Rgb, gray),
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    Some(Plan::Transform {
        u8: profile
            .create_transform_8bit(layout, &srgb, Layout::Rgb, options)
            .ok()?,
        u16: profile
            .create_transform_16bit(layout, &srgb, Layout::Rgb, options)
            .ok()?,
        gray_as_rgb,
    })
}

/// Whether a transform leaves colors as they are, which profiles of sRGB do.
fn is_unseen(channels: Channels, plan: &Plan) -> bool {
    let Plan::Transform { u8, gray_as_rgb, .. } = plan else {
        return true;
    };
    let steps = (0..=255u8).step_by(17);
    let (input, expected): (Vec<u8>, Vec<u8>) = match channels {
        Channels::Cmyk => return false,
        Channels::Gray | Channels::GrayAlpha => {
            let expected: Vec<u8> = steps.clone().flat_map(|v| [v; 3]).collect();
            let input = if *gray_as_rgb {
                expected.clone()
            } else {
                steps.collect()
            };
            (input, expected)
        }
        Channels::Rgb | Channels::Rgba => {
            let colors: Vec<u8> = steps
                .clone()
                .flat_map(|r| {
                    steps
                        .clone()
                        .flat_map(move |g| (0..=255u8).step_by(17).flat_map(move |b| [r, g, b]))
                })
                .collect();
            (colors.clone(), colors)
        }
    };
    let mut output = vec![0; expected.len()];
    u8.transform(&input, &mut output).is_ok()
        && output
            .iter()
            .zip(&expected)
            .all(|(a, b)| a.abs_diff(*b) <= UNSEEN)
}
