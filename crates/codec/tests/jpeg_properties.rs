//! JPEG: what is encoded comes back, in every process, size, depth and sampling.

use codec::{ColorSpace, Decoded, Expected, Samples, jpeg};
use proptest::prelude::*;
use testkit::encode::{
    DctComponent, DctPicture, DctProcess, LosslessJpeg, Scans, encode_jpeg_dct, encode_jpeg_lossless,
};

/// Numbers that look random and repeat with the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn decode(stream: &[u8], columns: usize, rows: usize, channels: usize) -> Decoded {
    let expected = Expected {
        columns: columns as u32,
        rows: rows as u32,
        channels: channels as u16,
    };
    jpeg::decode(stream, expected).expect("a valid stream")
}

fn widened(samples: &Samples) -> Vec<u16> {
    match samples {
        Samples::U8(samples) => samples.iter().map(|&sample| sample.into()).collect(),
        Samples::U16(samples) => samples.clone(),
        Samples::I32(_) => panic!("JPEG has at most 16 bits"),
    }
}

proptest! {
    #[test]
    fn lossless_comes_back(
        (columns, rows) in (1usize..40, 1usize..30),
        channels in 1usize..=4,
        precision in 2u8..=16,
        predictor in 1u8..=7,
        point_transform in 0u8..3,
        restart_rows in 0usize..5,
        separate in any::<bool>(),
        noise in 1u64..=0x1_0000,
        seed in any::<u64>(),
    ) {
        let point_transform = point_transform.min(precision - 1);
        let mut random = Random(seed);
        let (limit, mask) = (1u64 << precision, u16::MAX << point_transform);
        // A slope with noise, now and then an extreme.
        let samples: Vec<u16> = (0..columns * rows * channels)
            .map(|index| match random.below(50) {
                0 => 0,
                1 => (limit - 1) as u16,
                _ => ((index as u64 * 3 + random.below(noise)) % limit) as u16,
            })
            .map(|sample| sample & mask)
            .collect();
        let scans = if separate { Scans::Separate } else { Scans::Interleaved };
        let stream = encode_jpeg_lossless(&LosslessJpeg {
            samples: &samples,
            columns,
            rows,
            channels,
            precision,
            predictor,
            point_transform,
            restart_rows,
            scans,
        });
        let decoded = decode(&stream, columns, rows, channels);
        prop_assert_eq!(widened(&decoded.samples), samples);
        prop_assert_eq!(decoded.precision_bits, precision);
        prop_assert_eq!(matches!(decoded.samples, Samples::U8(_)), precision <= 8);
        prop_assert_eq!(decoded.color, ColorSpace::AsDeclared);
    }

    #[test]
    fn dct_processes_agree(
        (columns, rows) in (1usize..50, 1usize..40),
        sampling in proptest::collection::vec((1usize..=2, 1usize..=2), 1..=4),
        precision in prop_oneof![Just(8u8), Just(12u8)],
        restart_interval in 0usize..7,
        density in 1u64..64,
        seed in any::<u64>(),
    ) {
        let mut picture = random_picture(columns, rows, &sampling, precision, density, seed);
        picture.restart_interval = restart_interval;
        let channels = sampling.len();
        let mut decoded = [DctProcess::Sequential, DctProcess::SequentialSeparate, DctProcess::Progressive].map(|process| {
            picture.process = process;
            decode(&encode_jpeg_dct(&picture), columns, rows, channels)
        }).into_iter();
        let sequential = decoded.next().expect("three pictures");
        for other in decoded {
            prop_assert_eq!(&other, &sequential);
        }
        prop_assert!(widened(&sequential.samples).iter().all(|&sample| sample < 1 << precision));
    }

    #[test]
    fn gray_is_the_inverse_transform(
        (columns, rows) in (1usize..40, 1usize..30),
        precision in prop_oneof![Just(8u8), Just(12u8)],
        seed in any::<u64>(),
    ) {
        let picture = random_picture(columns, rows, &[(1, 1)], precision, 4, seed);
        let samples = widened(&decode(&encode_jpeg_dct(&picture), columns, rows, 1).samples);
        let across = picture.mcus().0;
        let component = &picture.components[0];
        let blocks: Vec<[f64; 64]> =
            component.blocks.iter().map(|block| inverse(block, &component.steps, precision)).collect();
        for (index, &sample) in samples.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let exact = blocks[row / 8 * across + column / 8][row % 8 * 8 + column % 8];
            prop_assert!((exact - f64::from(sample)).abs() <= 1.0, "{} at ({}, {}), not {}", sample, row, column, exact);
        }
    }
}

/// A picture whose coefficients are zero but about `density` in 64.
fn random_picture(
    columns: usize,
    rows: usize,
    sampling: &[(usize, usize)],
    precision: u8,
    density: u64,
    seed: u64,
) -> DctPicture {
    let mut random = Random(seed);
    let components = sampling
        .iter()
        .map(|&(h, v)| DctComponent {
            h,
            v,
            steps: [1; 64],
            blocks: Vec::new(),
        })
        .collect();
    let process = DctProcess::Sequential;
    let mut picture = DctPicture {
        columns,
        rows,
        precision,
        components,
        restart_interval: 0,
        process,
    };
    let (across, down) = picture.mcus();
    let range = 1u64 << (precision - 1);
    for component in &mut picture.components {
        component.steps = std::array::from_fn(|_| 1 + random.below(9) as u16);
        component.blocks = (0..across * component.h * down * component.v)
            .map(|_| {
                std::array::from_fn(|index| {
                    if index > 0 && random.below(64) >= density {
                        return 0;
                    }
                    // Small values are frequent, large ones are there.
                    let limit = if random.below(4) == 0 { range } else { 5 };
                    random.below(limit) as i16 - (limit / 2) as i16
                })
            })
            .collect();
    }
    picture
}

/// The inverse DCT by its definition (T.81 A.3.3), with the level shift and clamped.
fn inverse(block: &[i16; 64], steps: &[u16; 64], precision: u8) -> [f64; 64] {
    let basis = |frequency: usize, position: usize| {
        let scale = if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
        scale * ((2 * position + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0).cos() / 2.0
    };
    std::array::from_fn(|at| {
        let sum: f64 = (0..64)
            .map(|index| {
                let coefficient = f64::from(block[index]) * f64::from(steps[index]);
                coefficient * basis(index / 8, at / 8) * basis(index % 8, at % 8)
            })
            .sum();
        (sum + f64::from(1 << (precision - 1))).clamp(0.0, f64::from((1 << precision) - 1))
    })
}

/// A picture of flat blocks: component 0 at full resolution, component 1 with two blocks across and down.
fn flat_blocks(h: usize, v: usize, levels: [i16; 4]) -> Vec<u16> {
    let flat = |level: i16| {
        let mut block = [0; 64];
        // A flat block of level x has a first coefficient of 8 x.
        block[0] = 8 * (level - 128);
        block
    };
    let (columns, rows) = (16 * h, 16 * v);
    let component = |h, v, blocks| DctComponent {
        h,
        v,
        steps: [1; 64],
        blocks,
    };
    let picture = DctPicture {
        columns,
        rows,
        precision: 8,
        components: vec![
            component(h, v, vec![flat(0); 4 * h * v]),
            component(1, 1, levels.into_iter().map(flat).collect()),
        ],
        restart_interval: 0,
        process: DctProcess::Sequential,
    };
    let samples = widened(&decode(&encode_jpeg_dct(&picture), columns, rows, 2).samples);
    samples.into_iter().skip(1).step_by(2).collect()
}

#[test]
fn smooth_upsampling_weighs_three_to_one() {
    // Across: ... 40 40 | 80 80 ... doubled: the two samples at the seam are 3/4 of their own and 1/4 of the other.
    let line = &flat_blocks(2, 1, [40, 80, 40, 80])[..32];
    assert_eq!(&line[..15], [40; 15]);
    assert_eq!(&line[15..17], [50, 70]);
    assert_eq!(&line[17..], [80; 15]);
    let down: Vec<u16> = flat_blocks(1, 2, [40, 40, 80, 80])
        .into_iter()
        .step_by(16)
        .collect();
    assert_eq!(&down[14..18], [40, 50, 70, 80]);
    // Both ways the weights multiply: 9, 3, 3 and 1 sixteenths of the four blocks that meet.
    let both = flat_blocks(2, 2, [0, 16, 32, 64]);
    let corner = |row: usize| &both[row * 32 + 15..][..2];
    assert_eq!(corner(15), [13, 23]);
    assert_eq!(corner(16), [31, 45]);
}

#[test]
fn other_ratios_repeat() {
    let line = &flat_blocks(4, 1, [40, 80, 40, 80])[..64];
    assert_eq!(line[..32], [40; 32]);
    assert_eq!(line[32..], [80; 32]);
}

#[test]
fn lossless_components_may_be_smaller() {
    // Codes: 0 for category 0, 10 for 1, 110 for 2. The first component has two samples a unit, the second one:
    // 128 129 | 128, then 130 131 | 130, each predicted from its own sample to the left.
    let stream = [
        &b"\xFF\xD8\xFF\xC3\0\x0E\x08\0\x01\0\x04\x02\x01\x21\0\x02\x11\0"[..],
        b"\xFF\xC4\0\x16\0\x01\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02",
        b"\xFF\xDA\0\x0A\x02\x01\0\x02\0\x01\0\0",
        &[0b0101_0101, 0b1011_1010],
        b"\xFF\xD9",
    ]
    .concat();
    let decoded = decode(&stream, 4, 1, 2);
    assert_eq!(
        decoded.samples,
        Samples::U8(vec![128, 128, 129, 128, 130, 130, 131, 130])
    );
}
