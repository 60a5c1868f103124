"""Files as people, and people with other plans, upload them."""

import io
import json
import struct
import zlib

from PIL import Image

from functions.media.sniff import EICAR


def jpeg(width=1600, height=1200, *, exif=None):
    out = io.BytesIO()
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.save(out, "JPEG", **({"exif": exif} if exif else {}))
    return out.getvalue()


def photo_with_a_place(width=800, height=600):
    """Held sideways (orientation 6) and tagged with where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (31.0, 13.0, 49.0)
    return jpeg(width, height, exif=exif)


def png(width=100, height=50, mode="RGBA"):
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, "PNG")
    return out.getvalue()


def gif():
    out = io.BytesIO()
    frames = [Image.new("P", (400, 300), color) for color in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def png_bomb(side=30_000):
    """A valid header that announces 900 megapixels, over a few hundred bytes of zeroes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 500_000)) + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
EXE = b"MZ\x90\x00\x03" + b"\0" * 200 + b"PE\0\0"
EICAR_PNG = png() + EICAR
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
MP3 = b"ID3\x04" + b"\0" * 500


def notice(*keys):
    """What SQS delivers when objects have been created."""
    records = [{"s3": {"bucket": {"name": "b"}, "object": {"key": key, "size": 1, "eTag": "x"}}} for key in keys]
    return {"Records": [{"messageId": "m1", "body": json.dumps({"Records": records})}]}
