//! From the bytes of a stream to a picture: the order of its markers.

use super::entropy::EntropySource;
use super::frame::{Frame, Process};
use super::markers::{
    HuffmanTables, Marker, Markers, QuantizationTables, ScanHeader, code, read_huffman, read_quantization,
};
use super::plane::Plane;
use super::progressive::Coefficients;
use super::{lossless, malformed, sequential, truncated, unsupported, upsample};
use crate::{CodecError, ColorSpace, Decoded, Expected};

/// Decodes one JPEG frame (ITU-T T.81; PS3.5 8.2.1).
///
/// Samples are as the stream holds them, `[row][column][component]` at full resolution, without color conversion;
/// [`Decoded::color`] says what the stream says of them (an Adobe or JFIF marker, or components named R, G and B). A point
/// transform of lossless streams is undone.
///
/// # Errors
///
/// [`CodecError::Mismatch`] if the frame header declares another picture than `expected`, [`CodecError::Truncated`] if
/// the stream ends early, [`CodecError::Malformed`] or [`CodecError::Unsupported`] for what can't be read.
pub fn decode(data: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    let mut decoder = Decoder {
        markers: Markers::new(data),
        expected,
        quantization: [None; 4],
        huffman: HuffmanTables::standard()?,
        restart_interval: 0,
        adobe_transform: None,
        jfif: false,
        picture: None,
    };
    while !decoder.step()? {}
    decoder.finish()
}

/// What the markers so far have said.
struct Decoder<'a> {
    markers: Markers<'a>,
    expected: Expected,
    quantization: QuantizationTables,
    huffman: HuffmanTables,
    /// Minimum coded units; 0 for none.
    restart_interval: usize,
    adobe_transform: Option<u8>,
    jfif: bool,
    picture: Option<Picture>,
}

/// The frame and what of it is decoded.
struct Picture {
    frame: Frame,
    /// For each component its samples; empty before its scan.
    planes: Vec<Plane>,
    /// Of a progressive frame.
    coefficients: Option<Coefficients>,
}

impl Picture {
    /// Whether no further scan is needed.
    fn complete(&self) -> bool {
        match &self.coefficients {
            Some(coefficients) => coefficients.complete(),
            None => self.planes.iter().all(|plane| !plane.samples.is_empty()),
        }
    }

    /// Whether the picture may end here if the stream says so.
    fn presentable(&self) -> bool {
        self.coefficients
            .as_ref()
            .map_or_else(|| self.complete(), Coefficients::presentable)
    }
}

impl Decoder<'_> {
    /// Reads one marker and what belongs to it. True when the picture is there.
    fn step(&mut self) -> Result<bool, CodecError> {
        let Some(marker) = self.markers.next() else {
            return Err(truncated(self.markers.data().len()));
        };
        let Marker { code, offset } = marker;
        match code {
            code::SOI => {}
            code::EOI => {
                return match &self.picture {
                    Some(picture) if picture.presentable() => Ok(true),
                    _ => Err(truncated(offset)),
                };
            }
            code::SOF_BASELINE | code::SOF_EXTENDED => self.start_frame(Process::Sequential, offset)?,
            code::SOF_PROGRESSIVE => self.start_frame(Process::Progressive, offset)?,
            code::SOF_LOSSLESS => self.start_frame(Process::Lossless, offset)?,
            0xC5..=0xC7 => return Err(unsupported("hierarchical coding")),
            0xC8 => return Err(unsupported("the reserved frame type C8")),
            0xC9..=0xCB | 0xCD..=0xCF | code::DAC => return Err(unsupported("arithmetic coding")),
            code::SOF_JPEG_LS => return Err(unsupported("JPEG-LS in a stream declared as JPEG")),
            code::DHT => read_huffman(self.markers.segment()?, &mut self.huffman, offset)?,
            code::DQT => read_quantization(self.markers.segment()?, &mut self.quantization, offset)?,
            code::DRI => {
                let interval = self.markers.segment()?.first_chunk::<2>();
                let interval = interval.ok_or_else(|| malformed("restart interval cut short", offset))?;
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            code::SOS => return self.scan(offset),
            code::APP0 => self.jfif |= self.markers.segment()?.starts_with(b"JFIF\0"),
            code::APP14 => {
                let segment = self.markers.segment()?;
                if segment.starts_with(b"Adobe") {
                    self.adobe_transform = segment.get(11).copied();
                }
            }
            _ => {
                self.markers.segment()?;
            }
        }
        Ok(false)
    }

    fn start_frame(&mut self, process: Process, offset: usize) -> Result<(), CodecError> {
        if self.picture.is_some() {
            return Err(malformed("second frame header", offset));
        }
        let header = self.markers.segment()?;
        let line_count = || self.markers.find_line_count();
        let frame = Frame::parse(process, header, self.expected, line_count, offset)?;
        let planes = vec![Plane::default(); frame.components.len()];
        let coefficients = (process == Process::Progressive).then(|| Coefficients::new(&frame));
        self.picture = Some(Picture {
            frame,
            planes,
            coefficients,
        });
        Ok(())
    }

    /// Decodes a scan. True when the picture is complete.
    fn scan(&mut self, offset: usize) -> Result<bool, CodecError> {
        let Some(picture) = &mut self.picture else {
            return Err(malformed("scan before the frame header", offset));
        };
        let ids: Vec<u8> = picture
            .frame
            .components
            .iter()
            .map(|component| component.id)
            .collect();
        let header = ScanHeader::parse(self.markers.segment()?, &ids, offset)?;
        let mut source = EntropySource::new(self.markers.data(), self.markers.position());
        let Picture {
            frame,
            planes,
            coefficients,
        } = picture;
        let (huffman, interval) = (&self.huffman, self.restart_interval);
        match coefficients {
            Some(coefficients) => coefficients.decode_scan(frame, &header, huffman, interval, &mut source)?,
            None if frame.process == Process::Lossless => {
                lossless::decode_scan(frame, &header, huffman, interval, &mut source, planes)?;
            }
            None => sequential::decode_scan(
                frame,
                &header,
                huffman,
                &self.quantization,
                interval,
                &mut source,
                planes,
            )?,
        }
        self.markers.set_position(source.position());
        Ok(picture.complete())
    }

    fn finish(self) -> Result<Decoded, CodecError> {
        let end = self.markers.position();
        let color = self.color();
        let Some(Picture {
            frame,
            planes,
            coefficients,
        }) = self.picture
        else {
            return Err(truncated(end));
        };
        let planes = match coefficients {
            Some(coefficients) => coefficients.into_planes(&frame, &self.quantization, end)?,
            None => planes,
        };
        Ok(Decoded {
            columns: self.expected.columns,
            rows: self.expected.rows,
            channels: self.expected.channels,
            precision_bits: frame.precision,
            signed: false,
            color,
            samples: upsample::join(&frame, planes)?,
        })
    }

    /// What the stream says of its colors. JFIF goes before Adobe, as in the Independent JPEG Group's library; it says
    /// nothing of lossless streams, which writers mark with it although they hold RGB.
    fn color(&self) -> ColorSpace {
        let Some(picture) = &self.picture else {
            return ColorSpace::AsDeclared;
        };
        let [a, b, c] = picture.frame.components.as_slice() else {
            return ColorSpace::AsDeclared;
        };
        if self.jfif && picture.frame.process != Process::Lossless {
            return ColorSpace::Ybr;
        }
        match self.adobe_transform {
            Some(0) => ColorSpace::Rgb,
            Some(_) => ColorSpace::Ybr,
            None if [a.id, b.id, c.id] == *b"RGB" => ColorSpace::Rgb,
            None => ColorSpace::AsDeclared,
        }
    }
}
