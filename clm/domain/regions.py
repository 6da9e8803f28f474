"""States and provinces: which zones they keep, which postcodes and area codes are theirs.

Only where it matters for when somebody may be written to: the United States, whose states have laws of their own, and
Canada and Australia, whose regions keep different clocks. Sources: three-digit ZIP prefixes of the US postal service,
Canada Post's first letters and Australia Post's first digits; 49 CFR part 71 for the bounds of the zones of the United
States, where a prefix on a border keeps both; phonenumbers' geocoder for area codes, to which a test holds this table.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple


class Area(NamedTuple):
    """Where a postcode or an area code lies; every zone it may keep, the one most people there keep first."""

    country: str
    region: str | None
    zones: tuple[str, ...]


# Region, postcode prefixes, zones; after each `|` prefixes that keep fewer zones than the region as a whole, or others.
# A zone without a continent is in America/.
_UNITED_STATES = """
AL 350-352 354-369: Chicago
AK 995-999: Anchorage Juneau Sitka Metlakatla Yakutat Nome Adak | 996-999: Anchorage Juneau Sitka Metlakatla Nome
AZ 850-865: Phoenix Denver | 850-858: Phoenix
AR 716-729: Chicago
CA 900-961: Los_Angeles
CO 800-816: Denver
CT 060-069: New_York
DE 197-199: New_York
DC 200 202-205: New_York
FL 320-339 341-342 344 346-347 349: New_York Chicago | 320-323 326-339 341-342 344 346-347 349: New_York
GA 300-319 398-399: New_York
HI 967-968: Pacific/Honolulu
ID 832-838: Boise Los_Angeles | 832-834 836-837: Boise | 838: Los_Angeles
IL 600-629: Chicago
IN 460-479: Indiana/Indianapolis Chicago | 460-462 466-469 470-474 478: Indiana/Indianapolis
IA 500-528: Chicago
KS 660-679: Chicago Denver | 660-676: Chicago
KY 400-427: Kentucky/Louisville New_York Chicago | 400-406 410-418: Kentucky/Louisville New_York | 420-424: Chicago
LA 700-714: Chicago
ME 039-049: New_York
MD 206-219: New_York
MA 010-027 055: New_York
MI 480-499: Detroit Menominee | 480-497: Detroit
MN 550-567: Chicago
MS 386-397: Chicago
MO 630-658: Chicago
MT 590-599: Denver
NE 680-693: Chicago Denver | 680-689: Chicago
NV 889-898: Los_Angeles Denver | 889-897: Los_Angeles
NH 030-038: New_York
NJ 070-089: New_York
NM 870-884: Denver
NY 005 100-149: New_York
NC 270-289: New_York
ND 580-588: Chicago Denver | 580-584: Chicago
OH 430-459: New_York
OK 730-731 734-749: Chicago
OR 970-979: Los_Angeles Boise | 970-978: Los_Angeles
PA 150-196: New_York
RI 028-029: New_York
SC 290-299: New_York
SD 570-577: Chicago Denver | 570-574: Chicago | 577: Denver
TN 370-385: Chicago New_York | 370-372 375 380-385: Chicago | 374 376 378-379: New_York
TX 733 750-799 885: Chicago Denver | 733 750-797: Chicago
UT 840-847: Denver
VT 050-054 056-059: New_York
VA 201 220-246: New_York
WA 980-994: Los_Angeles
WV 247-268: New_York
WI 530-549: Chicago
WY 820-831: Denver
AA 340: New_York Puerto_Rico Bogota Sao_Paulo
AE 090-098: Europe/Berlin Atlantic/Azores Europe/London Europe/Istanbul Asia/Dubai
AP 962-966: Asia/Tokyo Asia/Seoul Asia/Singapore Pacific/Guam Australia/Sydney
"""
"""AA, AE and AP are military post: no state, and no more than where most of it goes."""

_CANADA = """
AB T: Edmonton
BC V: Vancouver Edmonton Creston Dawson_Creek Fort_Nelson
MB R: Winnipeg
NB E: Moncton
NL A: St_Johns Goose_Bay Blanc-Sablon
NS B: Halifax Glace_Bay
NT X: Edmonton Inuvik
NU X: Iqaluit Rankin_Inlet Resolute Cambridge_Bay
ON KLMNP: Toronto Winnipeg Atikokan | KLMN: Toronto
PE C: Halifax
QC GHJ: Toronto Halifax Blanc-Sablon | HJ: Toronto
SK S: Regina Swift_Current Edmonton
YT Y: Whitehorse Dawson
"""

_AUSTRALIA = """
ACT 02 26: Australia/Sydney
NSW 1 2: Australia/Sydney Australia/Broken_Hill Australia/Lord_Howe Australia/Melbourne | 20-27: Australia/Sydney
NT 08: Australia/Darwin Australia/Adelaide Australia/Perth | 080-086: Australia/Darwin
QLD 4 9: Australia/Brisbane Australia/Lindeman
SA 5: Australia/Adelaide
TAS 7: Australia/Hobart Antarctica/Macquarie
VIC 3 8: Australia/Melbourne
WA 6: Australia/Perth Australia/Eucla
"""

_ELSEWHERE = {  # postcodes that belong to another place than their prefix says
    "06390": "NY",
    "83414": "WY",
    "96799": "AS",
    "96939": "PW",
    "96940": "PW",
    "96941": "FM",
    "96942": "FM",
    "96943": "FM",
    "96944": "FM",
    "96950": "MP",
    "96951": "MP",
    "96952": "MP",
    "96960": "MH",
    "96970": "MH",
}
_ABROAD = {"006": "PR", "007": "PR", "009": "PR", "008": "VI", "969": "GU"}
"""ZIP prefixes of places that have a country code of their own."""

TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""Countries by their code, and yet under the federal law of the United States."""

MILITARY = frozenset({"AA", "AE", "AP"})

_ZIP_CODE = re.compile(r"[0-9]{5}(-?[0-9]{4})?")
_OTHER_CONTINENTS = {"Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Pacific"}

_CODES_OF_STATES = """
AK 907
AL 205 251 256 334 659 938
AR 327 479 501 870
AZ 480 520 602 623 928
CA 209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738 747 760 805
CA 818 820 831 840 858 909 916 925 949 951
CO 303 719 720 748 970 983
CT 203 475 860 959
DC 202 771
DE 302
FL 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954
GA 229 404 470 478 678 706 762 770 912 943
HI 808
IA 319 515 563 641 712
ID 208 986
IL 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872
IN 219 260 317 463 574 765 812 930
KS 316 620 785 913
KY 270 364 502 606 859
LA 225 318 337 504 985
MA 339 351 413 508 617 774 781 857 978
MD 227 240 301 410 443 667
ME 207
MI 231 248 269 313 517 586 616 734 810 906 947 989
MN 218 320 507 612 651 763 952
MO 235 314 417 557 573 636 660 816 975
MS 228 601 662 769
MT 406
NC 252 336 472 704 743 828 910 919 980 984
ND 701
NE 308 402 531
NH 603
NJ 201 551 609 640 732 848 856 862 908 973
NM 505 575
NV 702 725 775
NY 212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934
OH 216 220 234 283 326 330 380 419 440 513 567 614 740 937
OK 405 539 572 580 918
OR 458 503 541 971
PA 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878
RI 401
SC 803 821 839 843 854 864
SD 605
TN 423 615 629 731 865 901 931
TX 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972 979
UT 385 435 801
VA 276 434 540 571 686 703 757 804 826 948
VT 802
WA 206 253 360 425 509 564
WI 262 274 353 414 534 608 715 920
WV 304 681
WY 307
"""

_CODES_OF_PROVINCES = """
AB 368 403 587 780 825
BC 236 250 257 604 672 778
MB 204 431 584
NB 428 506
NL 709 879
NS 782 902
NT 867
NU 867
ON 226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942
PE 782 902
QC 263 354 367 418 438 450 468 514 579 581 819 873
SK 306 474 639
YT 867
"""


def area_of_postcode(country: str, postcode: str) -> Area | None:
    """Where the postcode lies; None where this table cannot say, which includes all other countries."""
    plain = "".join(postcode.split()).upper()
    if country == "US":
        if not _ZIP_CODE.fullmatch(plain):
            return None
        zip_code = plain[:5]
        elsewhere = _ELSEWHERE.get(zip_code) or _ABROAD.get(zip_code[:3])
        if elsewhere:
            zones = regions_of("US").get(elsewhere)
            return Area("US", elsewhere, zones) if zones else Area(elsewhere, None, ())
        return _by_prefix("US").get(zip_code[:3])
    prefixes = _by_prefix(country)
    return next((prefixes[plain[:length]] for length in (3, 2, 1) if plain[:length] in prefixes), None)


def areas_of_code(code: str) -> tuple[Area, ...]:
    """The state, the province or the provinces of an area code of North America; none for any other."""
    return _areas_by_code().get(code, ())


@cache
def regions_of(country: str) -> dict[str, tuple[str, ...]]:
    """The regions of a country and the zones each keeps; empty where regions make no difference here."""
    table = {"US": _UNITED_STATES, "CA": _CANADA, "AU": _AUSTRALIA}.get(country, "")
    return {line[: line.index(" ")]: _zones(line.split("|")[0]) for line in table.strip().splitlines()}


@cache
def _by_prefix(country: str) -> dict[str, Area]:
    table = {"US": _UNITED_STATES, "CA": _CANADA, "AU": _AUSTRALIA}.get(country, "")
    found: dict[str, Area] = {}
    for line in table.strip().splitlines():
        region, rest = line.split(" ", 1)
        for part in rest.split("|"):
            for prefix in _prefixes(part.split(":")[0]):
                known = found.get(prefix)
                if known and known.region != region:  # two regions share the letter X, and two the digits 26
                    found[prefix] = Area(country, None, tuple(dict.fromkeys(known.zones + _zones(part))))
                else:
                    found[prefix] = Area(country, region, _zones(part))
    return found


@cache
def _areas_by_code() -> dict[str, tuple[Area, ...]]:
    found: dict[str, tuple[Area, ...]] = {}
    for country, table in (("US", _CODES_OF_STATES), ("CA", _CODES_OF_PROVINCES)):
        for line in table.strip().splitlines():
            region, *codes = line.split()
            for code in codes:
                found[code] = (*found.get(code, ()), Area(country, region, regions_of(country)[region]))
    return found


def _zones(part: str) -> tuple[str, ...]:
    """The zones after the colon; `Chicago` and `Indiana/Indianapolis` lie in America/."""
    words = part.split(":")[1].split()
    return tuple(zone if zone.split("/")[0] in _OTHER_CONTINENTS else f"America/{zone}" for zone in words)


def _prefixes(text: str) -> list[str]:
    """`320-322 344` is 320, 321, 322 and 344; `KLM` is K, L and M."""
    found: list[str] = []
    for word in text.split():
        first, _, last = word.partition("-")
        if word.isalpha():
            found += word
        else:
            found += [str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1)]
    return found
