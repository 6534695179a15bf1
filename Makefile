# A thin layer over `cargo xtask`: same commands, same exit codes, nothing of its own.
#
#   make deploy ENV=dev     make status     make logs ENV=dev N=100 FOLLOW=1
#
# What is given on the command line reaches the tool as it stands: values go through the
# environment, so that neither make nor a shell ever reads them as commands. A value that merely
# lies around in the environment does not count: no environment is ever chosen by default.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
XTASK := cargo xtask

define taken_literally
ifeq ($$(origin $(1)),command line)
override $(1) := $$(value $(1))
else
override $(1) :=
endif
endef
$(foreach name,ENV REF ARTIFACT RELEASE N FOLLOW,$(eval $(call taken_literally,$(name))))
export ENV REF ARTIFACT RELEASE N FOLLOW

.PHONY: help setup uninstall deploy plan status restart logs run stop start rollback releases history check recover ci

help:
	@echo 'make setup    ENV=…  make the host ready for a first deploy'
	@echo 'make deploy   ENV=…  make a release, switch to it, prove it; or go back [REF=… ARTIFACT=…]'
	@echo 'make plan     ENV=…  what deploy would do [REF=… ARTIFACT=…]'
	@echo 'make status  [ENV=…] how services are doing'
	@echo 'make restart  ENV=…  stop, start, prove'
	@echo 'make logs     ENV=…  what services wrote [N=100 FOLLOW=1]'
	@echo 'make run      ENV=…  run services in the foreground, with their log, until Ctrl-C'
	@echo 'make stop     ENV=…  stop services'
	@echo 'make start    ENV=…  start services, prove them'
	@echo 'make rollback ENV=…  back to the release before [RELEASE=…]'
	@echo 'make releases ENV=…  the releases on the host'
	@echo 'make history [ENV=…] who did what, when, with which result'
	@echo 'make check   [ENV=…] the models, and what they need on the host'
	@echo 'make recover [ENV=…] end what was cut short'
	@echo 'make uninstall ENV=… take back what setup and deploys made; data stays'
	@echo 'make ci              what CI runs'

deploy plan:
	@$(XTASK) $@ $${ENV:+--env="$$ENV"} $${REF:+--ref="$$REF"} $${ARTIFACT:+--artifact="$$ARTIFACT"}

rollback:
	@$(XTASK) $@ $${ENV:+--env="$$ENV"} -- $${RELEASE:+"$$RELEASE"}

logs:
	@$(XTASK) $@ $${ENV:+--env="$$ENV"} $${N:+--lines="$$N"} $${FOLLOW:+--follow}

setup uninstall status restart run stop start releases history check recover:
	@$(XTASK) $@ $${ENV:+--env="$$ENV"}

ci:
	@$(XTASK) $@
