"""The invented lender's world: regions, vehicles, seasons, queues. Names and numbers only, nothing is computed here.

Phones are in +86 154, a prefix that is not assigned to any operator; mail addresses are below example.com
(RFC 2606). Names are a surname followed by 样 ("sample") and a cyclic sign, so that none of them is a person's.
"""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    """A province: its ISO 3166-2 code, its names, and how many of a thousand contracts it has."""

    code: str
    name_zh: str
    name_en: str
    weight: int


REGIONS = (
    Region("CN-AH", "安徽", "Anhui", 48),
    Region("CN-BJ", "北京", "Beijing", 14),
    Region("CN-CQ", "重庆", "Chongqing", 25),
    Region("CN-FJ", "福建", "Fujian", 30),
    Region("CN-GD", "广东", "Guangdong", 78),
    Region("CN-GS", "甘肃", "Gansu", 18),
    Region("CN-GX", "广西", "Guangxi", 32),
    Region("CN-GZ", "贵州", "Guizhou", 24),
    Region("CN-HA", "河南", "Henan", 82),
    Region("CN-HB", "湖北", "Hubei", 42),
    Region("CN-HE", "河北", "Hebei", 84),
    Region("CN-HI", "海南", "Hainan", 6),
    Region("CN-HL", "黑龙江", "Heilongjiang", 22),
    Region("CN-HN", "湖南", "Hunan", 42),
    Region("CN-JL", "吉林", "Jilin", 20),
    Region("CN-JS", "江苏", "Jiangsu", 62),
    Region("CN-JX", "江西", "Jiangxi", 34),
    Region("CN-LN", "辽宁", "Liaoning", 36),
    Region("CN-NM", "内蒙古", "Inner Mongolia", 30),
    Region("CN-NX", "宁夏", "Ningxia", 12),
    Region("CN-QH", "青海", "Qinghai", 6),
    Region("CN-SC", "四川", "Sichuan", 50),
    Region("CN-SD", "山东", "Shandong", 96),
    Region("CN-SH", "上海", "Shanghai", 12),
    Region("CN-SN", "陕西", "Shaanxi", 30),
    Region("CN-SX", "山西", "Shanxi", 42),
    Region("CN-TJ", "天津", "Tianjin", 12),
    Region("CN-XJ", "新疆", "Xinjiang", 28),
    Region("CN-XZ", "西藏", "Tibet", 3),
    Region("CN-YN", "云南", "Yunnan", 28),
    Region("CN-ZJ", "浙江", "Zhejiang", 46),
)
URUMQI_REGION = "CN-XJ"
TIME_ZONES = ("Asia/Shanghai", "Asia/Urumqi")
CURRENCY = "CNY"


class Vehicle(NamedTuple):
    """A kind of vehicle that the lender finances; prices in thousands of yuan."""

    vehicle_type: str
    product: str
    models: tuple[str, ...]
    price_from: int
    price_to: int
    new_percent: int
    gps_percent: int
    weight: int


VEHICLES = (
    Vehicle(
        "heavy_truck",
        "commercial_vehicle",
        ("Tractor 6x4 460", "Tractor 6x4 560", "Tipper 8x4 400"),
        260,
        480,
        70,
        97,
        38,
    ),
    Vehicle(
        "light_truck",
        "commercial_vehicle",
        ("Box van 4x2 130", "Flatbed 4x2 150", "Reefer 4x2 160"),
        90,
        190,
        75,
        90,
        27,
    ),
    Vehicle("bus", "commercial_vehicle", ("Coach 10 m", "Minibus 6 m"), 180, 620, 80, 95, 7),
    Vehicle("car", "auto", ("Sedan 1.5", "Sedan 2.0", "Hatchback EV"), 70, 230, 60, 55, 18),
    Vehicle("suv", "auto", ("SUV 2.0", "SUV EV"), 110, 320, 65, 60, 10),
)
PRODUCTS = ("commercial_vehicle", "auto")

TERMS = (24, 36, 48)
TERM_WEIGHTS = (42, 50, 8)
LONGEST_TERM = 48

SURNAMES = tuple("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章")
STEMS = tuple("甲乙丙丁戊己庚辛壬癸")
BRANCHES = tuple("子丑寅卯辰巳午未申酉戌亥")

GENDERS = ("male", "female")
MARITAL_STATUSES = ("married", "single", "divorced", "widowed")
EDUCATIONS = ("junior_high", "high_school", "college", "bachelor", "master")
HOUSINGS = ("owned", "mortgaged", "rented", "family")
LANGUAGES = ("zh", "en")
GPS_STATUSES = ("online", "offline", "none")

CALL, SMS, EMAIL, VISIT = CHANNELS = ("call", "sms", "email", "visit")
"""Channels of contact results and consents."""
ALL_CHANNELS = "all"
"""Channel of a consent row that speaks about every channel."""

OUTCOMES = (
    "right_party",
    "connected",
    "wrong_party",
    "no_answer",
    "busy",
    "invalid",
    "delivered",
    "failed",
)
MODELS = ("collection", "lost_contact", "roll_rate")
STAGES = ("M0M1", "M1M4", "M4+")
