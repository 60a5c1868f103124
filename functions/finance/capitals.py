"""人民币大写: an amount in the characters that cannot be altered, as 《支付结算办法》附件一 writes them. Pure."""

from typing import Final

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
LARGEST: Final = 10**18 - 1
"""In fen: below 万 times 万 times 亿."""


def in_capitals(fen: int) -> str:
    """An amount in capitals, say 壹仟零伍元叁角整; below zero it begins with 负. Raises ValueError above `LARGEST`.

    整 ends what has no fen. One 零 stands for any zeros between two digits, but none at the end of a 万 or a 元 that is
    followed by a digit, where the rule leaves it open.
    """
    if abs(fen) > LARGEST:
        message = f"too large for capitals: {fen}"
        raise ValueError(message)
    yuan, rest = divmod(abs(fen), 100)
    jiao, last = divmod(rest, 10)
    text = f"{_large(yuan)}元" if yuan else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif last and yuan:
        text += "零"
    text = f"{text}{_DIGITS[last]}分" if last else f"{text or '零元'}整"
    return f"负{text}" if fen < 0 else text


def _large(number: int) -> str:
    high, low = divmod(number, 10**8)
    return _joined(f"{_middle(high)}亿" if high else "", low, 10**7, _middle(low))


def _middle(number: int) -> str:
    high, low = divmod(number, 10**4)
    return _joined(f"{_small(high)}万" if high else "", low, 10**3, _small(low))


def _joined(above: str, low: int, leads_at: int, below: str) -> str:
    return f"{above}{'零' if above and 0 < low < leads_at else ''}{below}"


def _small(number: int) -> str:
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += f"{'零' if gap else ''}{_DIGITS[digit]}{_PLACES[place]}"
        gap = digit == 0 and text != ""
    return text
