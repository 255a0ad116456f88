# Một cửa. `make` lists what there is to do.
.DEFAULT_GOAL := help
.PHONY: help install up start stop status demo check test bench chaos model mistakes logs reset \
	check-format check-lint check-types check-walls check-tests

PYTHON := .venv/bin/python
MOTCUA := $(PYTHON) -m motcua
MOTCUA_DATA ?= $(CURDIR)/.motcua
ZIPKIN := $(if $(filter-out 0 no,$(TRACES)),--traces)
SURE := $(if $(filter-out 0 no,$(YES)),--yes)

# Byte code is kept, wherever the environment says it should not be: each start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(MOTCUA_DATA)/bytecode

help:
	@echo 'Một cửa · the one-stop desk'
	@echo
	@echo '  make up        chạy hệ thống tại đây, Ctrl-C để dừng · run the stack here, Ctrl-C ends it'
	@echo '                 TRACES=1: trang dấu vết Zipkin · with Zipkin as the trace page'
	@echo '  make start     chạy nền · run it in the background'
	@echo '  make stop      dừng, giữ dữ liệu · end it, keep its data'
	@echo '  make status    trạng thái và địa chỉ · states and addresses'
	@echo '  make logs      nhật ký · logs (NAME=intake)'
	@echo '  make reset     quên mọi dữ liệu · forget all data (YES=1: không hỏi · unasked)'
	@echo '  make demo      một hồ sơ đi trọn đường · take a real dossier all the way'
	@echo '  make check     định dạng, kiểu, kiểm thử nhanh · format, lint, types, walls, fast tests'
	@echo '  make test      mọi kiểm thử · everything'
	@echo '  make bench     đo tốc độ · measure'
	@echo '  make chaos     hành trình giữa các lỗi · whole journeys among faults (JOURNEYS=1000 SEED=1)'
	@echo "  make model     kiểm các mô hình · check the models (ONLY='Outbox/*', DEEP=1)"
	@echo '  make mistakes  mỗi lỗi phải có kiểm thử bắt được · each mistake must turn a test red (ONLY=tên)'
	@echo
	@echo '  MOTCUA_PORT_OFFSET=100 dời mọi cổng · moves all ports; MOTCUA_DATA thư mục dữ liệu · data folder'

install:
	@./deploy/local/install.sh

up: install
	@$(MOTCUA) up $(ZIPKIN)

start: install
	@$(MOTCUA) start $(ZIPKIN)

demo: install
	@$(MOTCUA) $@

# Where nothing was ever installed or started, that is said, and nothing is installed to say it.
stop status logs reset:
	@if [ ! -e .venv ] && [ ! -e '$(MOTCUA_DATA)/supervisor.lock' ]; then \
		echo 'Hệ thống không chạy, ở đây chưa có gì · the stack is not running, there is nothing here yet'; \
		$(if $(filter status,$@),exit 3;) \
	else \
		./deploy/local/install.sh && $(MOTCUA) $@ $(if $(filter logs,$@),$(NAME)) $(if $(filter reset,$@),$(SURE)); \
	fi

check: install
	@$(MAKE) --no-print-directory -j2 check-types check-format check-lint check-walls check-tests

check-format:
	@$(PYTHON) -m ruff format --check --quiet .

check-lint:
	@$(PYTHON) -m ruff check --quiet .

check-types:
	@$(PYTHON) -m mypy

check-walls:
	@if grep -q '^\[tool.importlinter' pyproject.toml; then .venv/bin/lint-imports; fi

check-tests:
	@$(PYTHON) -m pytest -n auto $(wildcard tests/unit tests/contract)

test: check
	@$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests --ignore=tests/unit --ignore=tests/contract --ignore=tests/bench

bench: install
	@$(MOTCUA) bench --write
	@$(PYTHON) -m pytest -s tests/bench
	@$(PYTHON) -m tests.bench.sandbox_gateway
	@$(PYTHON) -m tests.bench.sandbox_others

chaos: install
	@$(MOTCUA) chaos --journeys $(or $(JOURNEYS),1000) --seed $(or $(SEED),1)

model: install
	@$(PYTHON) -m tests.model $(if $(ONLY),--only '$(ONLY)') $(if $(filter-out 0 no,$(DEEP)),--deep)

mistakes: install
	@$(PYTHON) -m tests.mistakes $(if $(ONLY),--only '$(ONLY)')
