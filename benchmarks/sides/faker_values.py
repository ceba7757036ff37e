"""Values that Faker makes: ``faker_values.py SEED NUMBER FILE`` writes lines of kind, locale, value."""

import json
import sys
import warnings
from pathlib import Path

from faker import Faker

PHONES = (
    "en_US en_GB de_DE fr_FR it_IT es_ES pt_BR ja_JP pl_PL nl_NL sv_SE ru_RU zh_CN ko_KR fi_FI cs_CZ de_CH ro_RO"
    " pt_PT da_DK no_NO el_GR tr_TR uk_UA hu_HU en_IN en_AU en_CA zh_TW es_MX he_IL hr_HR"
)
NUMBERS = (
    "en_US en_GB fr_FR it_IT es_ES:nif es_ES:nie pt_BR pt_BR:cpf pl_PL nl_NL sv_SE fi_FI nl_BE no_NO zh_CN ko_KR tr_TR"
    " de_DE:rvnr de_AT de_CH ro_RO cs_CZ:birth_number et_EE lv_LV el_GR th_TH zh_TW en_CA es_MX:curp hr_HR hu_HU"
    " en_IN:aadhaar_id he_IL uk_UA lt_LT"
)


def main() -> None:
    """Write the file; every locale has a generator of its own, seeded alike."""
    warnings.simplefilter("ignore")
    seed, number, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    with path.open("w", encoding="utf-8") as file:
        for kind, locales, default in (("phone", PHONES, "phone_number"), ("national_id", NUMBERS, "ssn")):
            for name in locales.split():
                locale, _, method = name.partition(":")
                faker = Faker(locale)
                faker.seed_instance(seed)
                for _ in range(number):
                    print(kind, name, getattr(faker, method or default)(), sep="\t", file=file)
        for locale in PHONES.split():
            faker = Faker(locale)
            faker.seed_instance(seed)
            for _ in range(number // 4):
                for method in ("email", "company_email", "free_email", "safe_email"):
                    print("email", locale, getattr(faker, method)(), sep="\t", file=file)
                print("iban", locale, faker.iban(), sep="\t", file=file)
        faker = Faker()
        faker.seed_instance(seed)
        for _ in range(number * 10):
            print("card", "all", faker.credit_card_number(), sep="\t", file=file)
            print("ip", "v4", faker.ipv4_public(), sep="\t", file=file)
            print("ip", "v6", faker.ipv6(), sep="\t", file=file)
    print("RESULT " + json.dumps({"seed": seed}))


if __name__ == "__main__":
    main()
