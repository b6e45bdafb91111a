import { expect } from 'chai';
import { COMPRESSED_FLAG, compressionBits, CompressionType, withCompression } from '../../../lib/protocol/sys-flag.js';

describe('sys flag', () => {
  it('tells a compressed body and its type as the reference does', () => {
    expect(withCompression(0, CompressionType.ZLIB)).to.equal(769);
    expect(withCompression(0, CompressionType.LZ4)).to.equal(257);
    expect(withCompression(0, CompressionType.ZSTD)).to.equal(513);
  });

  it('keeps the other bits when the type is set or changed', () => {
    const flag = withCompression(0xc4, CompressionType.LZ4);
    expect(flag & ~0x701).to.equal(0xc4);
    expect(compressionBits(withCompression(flag, CompressionType.ZSTD))).to.equal(CompressionType.ZSTD);
    expect(flag & COMPRESSED_FLAG).to.equal(1);
  });

  it('reads the type of a sender that knows of none as 0', () => {
    expect(compressionBits(COMPRESSED_FLAG)).to.equal(0);
  });
});
