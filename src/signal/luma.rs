//! From a frame's bytes to a small grid of brightness, and whether the frame is whole. What the grid does not take is never looked
//! at.

use std::hash::{DefaultHasher, Hasher as _};

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The grid's width and height at most: enough for shares of a hundredth and for edges, and cheap on any machine.
const MOST: u32 = 160;

/// The width and height of a JPEG picture at most: more than a camera of a room sends (document cameras have 4608 by 3456), and what a few
/// bytes that claim more make a decoder do is bounded.
const LARGEST: usize = 8192;

/// The markers at a JPEG picture's ends (ITU-T T.81, table B.1).
const BEGIN: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// The segment by which a decoder knows a picture of the MJPG kind, to whose missing tables the standard's own belong (`OpenDML` AVI).
/// Few cameras that leave the tables out send it.
const AVI: &[u8] = b"\xff\xe0\x00\x07AVI1\0";

/// `V4L2_COLORSPACE_JPEG`: full range.
const COLORSPACE_JPEG: u32 = 7;
/// `V4L2_QUANTIZATION_FULL_RANGE`
const FULL_RANGE: u32 = 1;
/// `V4L2_QUANTIZATION_LIM_RANGE`
const LIMITED_RANGE: u32 = 2;

/// How a frame is laid out, as a V4L2 driver tells it (`struct v4l2_pix_format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Pixels a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// A four-character code.
    pub code: [u8; 4],
    /// From one line to the next, in the first plane, in bytes; 0 for what is compressed.
    pub line: u32,
    /// `enum v4l2_colorspace`
    pub colorspace: u32,
    /// `enum v4l2_quantization`
    pub quantization: u32,
}

/// Brightness at points that lie evenly over the frame: 0 black, 255 white, whatever range the camera uses. Zeroed when dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Points a line.
    pub width: usize,
    /// Line by line, from the top left on.
    pub points: Vec<u8>,
}

impl Drop for Grid {
    fn drop(&mut self) {
        self.points.fill(0);
    }
}

/// What a frame came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A whole one.
    Whole(Grid),
    /// One that can be shown, with parts of it missing or wrong.
    Torn(Grid),
    /// One of which nothing can be shown.
    Broken,
    /// Of a format that is not looked into.
    Unread,
}

/// Where brightness is in a pixel of some format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// A byte of it, every so many bytes, from that byte on.
    Luma { step: usize, first: usize },
    /// Red, green and blue at these of so many bytes.
    Colors { step: usize, at: [usize; 3] },
    /// A JPEG picture.
    Jpeg,
}

impl Layout {
    /// By four-character codes as `linux/videodev2.h` has them.
    fn of(code: [u8; 4]) -> Option<Self> {
        let luma = |step, first| Some(Self::Luma { step, first });
        let colors = |step, at| Some(Self::Colors { step, at });
        match &code {
            b"YUYV" | b"YVYU" => luma(2, 0),
            b"UYVY" | b"VYUY" => luma(2, 1),
            // The luma plane comes first, whatever follows it.
            b"NV12" | b"NV21" | b"NV16" | b"NV61" | b"NV24" | b"NV42" | b"YU12" | b"YV12" | b"422P" | b"GREY" => {
                luma(1, 0)
            }
            b"RGB3" => colors(3, [0, 1, 2]),
            b"BGR3" => colors(3, [2, 1, 0]),
            b"BGR4" | b"AR24" | b"XR24" => colors(4, [2, 1, 0]),
            b"RGB4" | b"BA24" | b"BX24" => colors(4, [1, 2, 3]),
            b"MJPG" | b"JPEG" => Some(Self::Jpeg),
            _ => None,
        }
    }

    /// Whether black is 0 and white 255, not 16 and 235, in what a driver says nothing about (V4L2 documentation,
    /// "Colorspaces": YUV is limited, RGB and JPEG are full).
    const fn is_full(self) -> bool {
        !matches!(self, Self::Luma { .. })
    }
}

/// Looks at a frame.
#[must_use]
pub fn sample(form: &Form, bytes: &[u8]) -> Sample {
    let Some(layout) = Layout::of(form.code) else { return Sample::Unread };
    let full = match form.quantization {
        FULL_RANGE => true,
        LIMITED_RANGE => false,
        _ => layout.is_full() || form.colorspace == COLORSPACE_JPEG,
    };
    let (width, height) = (form.width, form.height);
    let line = form.line as usize;
    let grid = match layout {
        Layout::Luma { step, first } => {
            points(width, height, full, |x, y| bytes.get(y * line + x * step + first).copied())
        }
        Layout::Colors { step, at } => points(width, height, full, |x, y| {
            let pixel = bytes.get(y * line + x * step..)?.get(..step)?;
            Some(brightness(at.map(|at| pixel[at])))
        }),
        Layout::Jpeg => return jpeg(bytes),
    };
    grid.map_or(Sample::Broken, Sample::Whole)
}

/// The same for the same bytes, in this process alone.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, in parts of 256.
fn brightness(colors: [u8; 3]) -> u8 {
    let [red, green, blue] = colors.map(u32::from);
    u8::try_from((77 * red + 150 * green + 29 * blue) >> 8).unwrap_or(u8::MAX)
}

/// Programs of calls refuse a picture that does not begin and end as one (libyuv, `ValidateJpeg`) and show what is left of one
/// that is damaged in between. Oddities in its head, which cameras have, are no damage.
fn jpeg(bytes: &[u8]) -> Sample {
    // What a camera sends after the end is nobody's.
    let end = bytes.windows(2).rposition(|pair| pair == END);
    let Some(bytes) = end.map(|end| &bytes[..end + END.len()]).filter(|bytes| bytes.starts_with(&BEGIN)) else {
        return Sample::Broken;
    };
    let mut named = [&BEGIN, AVI, &bytes[BEGIN.len()..]].concat();
    // Without its end: the decoder makes up for what is missing where it meets that too early, and says nothing; where there are no
    // more bytes, it does.
    let sample = match decode(&named[..named.len() - END.len()], true) {
        Ok(grid) => Sample::Whole(grid),
        Err(DecodeErrors::Unsupported(_)) => Sample::Unread,
        Err(_) => decode(&named, false).map_or(Sample::Broken, Sample::Torn),
    };
    named.fill(0);
    sample
}

/// The grid of a JPEG picture; `strict` forgives nothing behind its head.
fn decode(bytes: &[u8], strict: bool) -> Result<Grid, DecodeErrors> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_max_width(LARGEST)
        .set_max_height(LARGEST);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers()?;
    decoder.set_options(options.set_strict_mode(strict));
    let mut picture = decoder.decode()?;
    let (width, height) = decoder.info().map_or((0, 0), |info| (u32::from(info.width), u32::from(info.height)));
    // JFIF: full range, always.
    let grid = points(width, height, true, |x, y| picture.get(y * width as usize + x).copied());
    picture.fill(0);
    grid.ok_or(DecodeErrors::ExhaustedData)
}

fn points(width: u32, height: u32, full: bool, at: impl Fn(usize, usize) -> Option<u8>) -> Option<Grid> {
    let step = width.max(height).div_ceil(MOST).max(1) as usize;
    let (width, height) = (width as usize, height as usize);
    let mut grid = Grid { width: width.div_ceil(step), points: Vec::new() };
    for y in (0..height).step_by(step) {
        for x in (0..width).step_by(step) {
            let point = at(x, y)?;
            grid.points.push(if full { point } else { stretched(point) });
        }
    }
    (!grid.points.is_empty()).then_some(grid)
}

/// From 16–235 to 0–255 (ITU-R BT.601).
fn stretched(point: u8) -> u8 {
    let full = (u32::from(point.clamp(16, 235)) - 16) * 255 / 219;
    u8::try_from(full).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(code: [u8; 4], width: u32, height: u32, line: u32) -> Form {
        Form { width, height, code, line, ..Form::default() }
    }

    fn whole(form: &Form, bytes: &[u8]) -> Grid {
        match sample(form, bytes) {
            Sample::Whole(grid) => grid,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn brightness_is_found_where_each_format_has_it() {
        // Two pixels a line, two lines, and padding that must not be taken for a pixel. Limited range: 16 is black.
        for (code, line, bytes) in [
            (*b"YUYV", 6, vec![16, 9, 235, 9, 7, 7, 235, 9, 16, 9, 7, 7]),
            (*b"UYVY", 6, vec![9, 16, 9, 235, 7, 7, 9, 235, 9, 16, 7, 7]),
            (*b"NV12", 3, vec![16, 235, 7, 235, 16, 7, 9, 9, 7]),
            (*b"NV21", 2, vec![16, 235, 235, 16, 9, 9]),
            (*b"YU12", 2, vec![16, 235, 235, 16, 9, 9]),
            (*b"GREY", 2, vec![16, 235, 235, 16]),
            (*b"RGB3", 6, vec![0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]),
            (*b"BGR4", 8, vec![0, 0, 0, 9, 255, 255, 255, 9, 255, 255, 255, 9, 0, 0, 0, 9]),
            (*b"RGB4", 8, vec![9, 0, 0, 0, 9, 255, 255, 255, 9, 255, 255, 255, 9, 0, 0, 0]),
        ] {
            let Sample::Whole(grid) = sample(&form(code, 2, 2, line), &bytes) else {
                panic!("{}", String::from_utf8_lossy(&code));
            };
            assert_eq!(
                (grid.width, &grid.points[..]),
                (2, &[0, 255, 255, 0][..]),
                "{}",
                String::from_utf8_lossy(&code)
            );
        }
    }

    #[test]
    fn colors_are_weighed_by_the_standard() {
        let grid = whole(&form(*b"BGR3", 3, 1, 9), &[0, 0, 255, 0, 255, 0, 255, 0, 0]);
        assert_eq!(grid.points[..], [76, 149, 28], "red, green, blue");
    }

    #[test]
    fn the_driver_has_the_last_word_on_the_range() {
        let bytes = [16, 235];
        for (quantization, colorspace, expected) in
            [(0, 0, [0, 255]), (1, 0, [16, 235]), (2, 7, [0, 255]), (0, 7, [16, 235])]
        {
            let form = Form { colorspace, quantization, ..form(*b"GREY", 2, 1, 2) };
            assert_eq!(whole(&form, &bytes).points[..], expected);
        }
    }

    #[test]
    fn a_large_frame_makes_a_small_grid_of_its_whole() {
        let mut bytes = vec![16; 1920 * 1080];
        bytes[1920 * 540..].fill(235);
        let grid = whole(&form(*b"GREY", 1920, 1080, 1920), &bytes);
        assert_eq!((grid.width, grid.points.len()), (160, 160 * 90));
        assert_eq!(grid.points.iter().map(|point| usize::from(*point == 255)).sum::<usize>(), 160 * 45);
    }

    /// A picture of `ffmpeg`'s encoder, with the tables that cameras leave out: the lab's camera sends it.
    const PICTURE: &[u8] = include_bytes!("../../tests/lab/usb_device/camera/pictures/0.jpg");

    fn jpeg(bytes: &[u8]) -> Sample {
        sample(&form(*b"MJPG", 160, 120, 0), bytes)
    }

    #[test]
    fn a_jpeg_picture_is_whole_torn_or_broken() {
        let Sample::Whole(good) = jpeg(PICTURE) else { panic!("no picture") };
        assert_eq!((good.width, good.points.len()), (160, 160 * 120));
        // Its Huffman tables, which are the standard's, stand at bytes 89 to 508.
        let bare = [&PICTURE[..89], &PICTURE[509..]].concat();
        assert_eq!(jpeg(&bare), Sample::Whole(good.clone()), "the standard's tables are known");
        let padded = [PICTURE, &[0; 512]].concat();
        assert_eq!(jpeg(&padded), Sample::Whole(good.clone()), "what follows the end is nobody's");
        // A packet that was lost on the way.
        for (third, lost) in [(1, 64), (1, 256), (1, 512), (2, 64), (2, 256), (2, 512)] {
            let at = bare.len() * third / 3;
            let told = jpeg(&[&bare[..at], &bare[at + lost..]].concat());
            let Sample::Torn(torn) = told else { panic!("{lost} bytes at {at}: {told:?}") };
            assert_eq!(torn.points.len(), good.points.len(), "it is shown in part");
        }
        for cut in [0, 1, 64, PICTURE.len() / 2, PICTURE.len() - 2] {
            assert_eq!(jpeg(&PICTURE[..cut]), Sample::Broken, "the first {cut} bytes");
        }
        let headless = [&BEGIN[..], &[0; 600], &PICTURE[600..]].concat();
        assert_eq!(jpeg(&headless), Sample::Broken);
    }

    #[test]
    fn a_picture_that_claims_to_be_larger_than_any_is_not_made() {
        let mut huge = PICTURE.to_vec();
        let at = huge.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
        assert_eq!(huge[at..at + 4], [0, 120, 0, 160], "lines, and pixels a line");
        huge[at..at + 4].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        assert_eq!(jpeg(&huge), Sample::Broken);
    }

    #[test]
    fn what_is_no_whole_frame_has_no_grid() {
        assert_eq!(sample(&form(*b"GREY", 2, 2, 2), &[16, 16, 16]), Sample::Broken);
        assert_eq!(sample(&form(*b"RGB3", 2, 1, 6), &[0; 5]), Sample::Broken);
        assert_eq!(jpeg(&[0xff, 0xd8, 0xff, 0xd9]), Sample::Broken);
        assert_eq!(sample(&form(*b"H264", 2, 1, 0), &[0; 64]), Sample::Unread);
        assert_eq!(sample(&form(*b"GREY", 0, 0, 0), &[]), Sample::Broken);
    }
}
