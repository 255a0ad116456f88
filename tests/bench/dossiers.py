"""Dossiers made by SQL that look like intake's own: a big agency, some middling ones and a small one, most of it history."""

from __future__ import annotations

from tests.bench import gate
from tests.bench.ground import Store

BIG, SMALL, ABOVE = "H55.01", "H55.99", "H55.08"
"""Half of all dossiers are of the big agency, one in a thousand of the small one; the one above has some of others' now."""

COMMON, RARE = "Nguyễn", "Xuyên"
"""A family name that two people in five have, and a given name that one in two thousand has."""

DEPARTMENTS = ("Bộ phận một cửa", "Phòng Cảnh sát giao thông", "Phòng Hành chính tư pháp", "Phòng Đăng ký kinh doanh")
_PATIENCE = 1_800.0  # seconds for one statement
_INDEXES = "select indexname, indexdef from pg_indexes where tablename = 'dossier' and indexname <> 'dossier_pkey'"
_PEOPLE = """
insert into person (person_id, version, sequence, name, citizen_id, language)
select md5('person ' || number)::uuid, 1, 1, 'Nguyễn Văn ' || number, lpad(number::text, 12, '0'), 'vi'
from generate_series(0, 999) as number"""
# One in ten is open; `at` of an open one lies within the last months, of the others within ten years.
_DOSSIERS = """
with drawn as (
    select number, random() as agency_at, random() as status_at, random() as place_at, random() as officer_at,
        random() as procedure_at, random() as due_at, random() as age_at, random() as elsewhere_at,
        (array['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Hoàng', 'Vũ', 'Đặng', 'Bùi'])[1 + floor(8 * random() ^ 1.9)::int]
            || ' ' || (array['Thị', 'Văn', 'Minh', 'Ngọc', 'Thu', 'Quang'])[1 + floor(6 * random() ^ 2)::int]
            || ' ' || case when random() < 0.0005 then 'Xuyên' else (array['Anh', 'Bình', 'Chi', 'Dũng', 'Đức', 'Giang',
                'Hà', 'Hải', 'Hiếu', 'Hòa', 'Hương', 'Khôi', 'Lan', 'Linh', 'Long', 'Mai', 'Nam', 'Ngân', 'Oanh', 'Phong',
                'Quỳnh', 'Sơn', 'Tâm', 'Thảo', 'Trang', 'Tuấn', 'Uyên', 'Vinh', 'Xuân', 'Yến'])[1 + floor(30 * random())::int]
            end as name
    from generate_series(1, $1::bigint) as number
), placed as (
    select *, case when agency_at < 0.5 then $2 when agency_at < 0.501 then $3
            else 'H55.' || 10 + floor(20 * random())::int end as agency,
        case when status_at < 0.86 then 10 when status_at < 0.88 then 3 when status_at < 0.895 then 8
            when status_at < 0.9 then 9 when status_at < 0.925 then 1 when status_at < 0.935 then 2
            when status_at < 0.985 then 4 when status_at < 0.99 then 5 when status_at < 0.9985 then 6 else 7 end as status,
        '0' || lpad((number * 7919 % 100000000000)::text, 11, '0') as citizen_id,
        '+849' || lpad((number * 104729 % 100000000)::text, 8, '0') as phone
    from drawn
), timed as (
    select *, now() - case when status in (3, 8, 9, 10) then interval '3650 days' else interval '60 days' end * age_at as at,
        case when status in (1, 2, 4, 5, 6) and due_at > 0.01 then now() + (due_at * 36 - 6) * interval '1 day' end as due,
        status = 4 and elsewhere_at < 0.03 as elsewhere
    from placed
)
insert into dossier (
    code, version, sequence, procedure, procedure_version, procedure_name, agency, agency_name, desk, handler,
    handler_name, department, officer, person_id, status, since, due, result_due, processing, stages, stage, fee_lines,
    documents, result, submitted_at, form, search)
select agency || '-' || to_char(at, 'YYMMDD') || '-' || lpad(number::text, 7, '0'), 5, 7,
    '1.00' || 2800 + floor(17 * procedure_at ^ 2)::int, 1, 'Đổi giấy phép lái xe do ngành Công an cấp', agency,
    'Ủy ban nhân dân ' || agency, ($5::text[])[1], case when elsewhere then $4 else agency end,
    'Ủy ban nhân dân ' || case when elsewhere then $4 else agency end,
    ($5::text[])[case when status in (1, 5, 6, 9) then 1 else 1 + floor(4 * place_at ^ 2)::int end],
    case when status not in (1, 6) and officer_at > 0.05 then 'Cán bộ ' || floor(60 * officer_at)::int end,
    md5('person ' || number % 1000)::uuid, status, at, due,
    case when status in (2, 4) then due + interval '2 days' when status in (9, 10) then at + interval '5 days' end,
    '{"amount": 5, "unit": "working_days"}',
    '[{"key": "tham_tra", "name": "Thẩm tra", "agency": "H55", "agency_name": "Ủy ban", "department": "Phòng", "time": null}]',
    case when status = 4 then 0 end,
    '[{"code": "le-phi", "kind": "lệ phí", "name": "Lệ phí cấp giấy phép lái xe", "amount": 135000}]', '[]',
    'Giấy phép lái xe', at,
    jsonb_build_object('procedure', '1.002809', 'agency', agency, 'applicant', jsonb_build_object(
        'name', name, 'citizen_id', citizen_id, 'phone', phone, 'birth_date', '1990-03-08', 'sex', 'nữ'),
        'details', jsonb_build_object('reason', repeat('hết hạn ', 20))),
    to_tsvector('simple', lower(translate(agency, '.', ' ')) || ' ' || to_char(at, 'YYMMDD') || ' '
        || lpad(number::text, 7, '0') || ' ' || pg_temp.unaccented(name) || ' ' || citizen_id || ' ' || substr(phone, 2))
from timed
"""
# As domain.search.plain does it, for the names above.
_UNACCENTED = """
create function pg_temp.unaccented(name text) returns text immutable language sql as $$
    select replace(regexp_replace(normalize(lower(name), NFD), '[\\u0300-\\u036f]', '', 'g'), 'đ', 'd')
$$"""


async def fill(store: Store, count: int) -> None:
    """So many dossiers in intake's empty database, the same in each run."""
    connection = store.connection
    await connection.execute("select setseed(0.5)")
    await connection.execute(_UNACCENTED)
    await connection.execute(_PEOPLE)
    told = (BIG, SMALL, ABOVE, list(DEPARTMENTS))
    # Indexes are made in a third of the time when all is there.
    indexes = await connection.fetch(_INDEXES)
    for name, _ in indexes:
        await connection.execute(f'drop index "{name}"')
    await connection.execute(_DOSSIERS, count, *told, timeout=_PATIENCE)
    for _, definition in indexes:
        await connection.execute(definition, timeout=_PATIENCE)
    await connection.execute("vacuum (analyze) dossier", timeout=_PATIENCE)
    rows = await connection.fetchval("select count(*) from dossier", timeout=_PATIENCE)
    gate.agree({"dossiers": count}, {"dossiers": rows})
