"""What numba's Python lacks for reading text quickly: 64 bytes looked at in one step, 8 bytes loaded as a number.

Everything here is plain LLVM, so it compiles for every processor, and integers, so every processor gives the same
numbers (little-endian ones, as Arrow's files are). Nothing is checked: callers see to it that what is read is there.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BLOCK = 64  # bytes that `masks` reads
_BYTE, _WORD, _LONG = ir.IntType(8), ir.IntType(64), ir.IntType(128)
_BYTES = ir.VectorType(_BYTE, BLOCK)


def _loaded(context: Any, builder: Any, signature: Any, args: Any, as_type: Any) -> Any:
    start = context.make_array(signature.args[0])(context, builder, args[0]).data
    return builder.load(builder.bitcast(builder.gep(start, [args[1]]), as_type.as_pointer()), align=1)


@intrinsic
def load(typing: Any, data: Any, index: Any) -> Any:
    """The 8 bytes of uint8[.] `data` from `index` (int64) on, the first one lowest."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _loaded(context, builder, signature, args, _WORD)

    return types.uint64(data, types.int64), code


@intrinsic
def masks(typing: Any, data: Any, index: Any) -> Any:
    """Of the 64 bytes from `index` on, a bit each: is it an ASCII word byte or not ASCII? is it not ASCII?"""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def every(value: int) -> Any:
            return ir.Constant(_BYTES, [value] * BLOCK)

        def within(value: Any, first: str, count: int) -> Any:
            return builder.icmp_unsigned("<", builder.sub(value, every(ord(first))), every(count))

        read = _loaded(context, builder, signature, args, _BYTES)
        high = builder.icmp_signed("<", read, every(0))
        letter = within(builder.or_(read, every(0x20)), "a", 26)
        other = builder.or_(within(read, "0", 10), builder.icmp_unsigned("==", read, every(ord("_"))))
        word = builder.or_(builder.or_(letter, other), high)
        found = [builder.bitcast(bits, _WORD) for bits in (word, high)]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.uint64, 2)(data, types.int64), code


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """The place of the lowest bit set, 64 where none is: int64."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic
def folded(typing: Any, a: Any, b: Any) -> Any:
    """The 128-bit product of two uint64, its halves xored: the mixing step of Wang Yi's wyhash."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        product = builder.mul(*(builder.zext(arg, _LONG) for arg in args))
        high = builder.trunc(builder.lshr(product, ir.Constant(_LONG, 64)), _WORD)
        return builder.xor(high, builder.trunc(product, _WORD))

    return types.uint64(types.uint64, types.uint64), code
