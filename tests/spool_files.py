# SPDX-License-Identifier: Apache-2.0
"""What tests know of a spool's files: docs/SPOOL.md."""

MAGIC = b"\xff\x53\xfe\xff"  # of a record: magic, length, crc32c, type and what follows


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
